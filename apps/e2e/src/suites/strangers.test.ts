/**
 * Somebody who has nothing but the id of a room, which any link gives: what they do at the
 * signaling service ends nobody's session and keeps nobody out.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';

import type { Stack } from '@peerdeck/harness/stack';
import { Signaling } from '@peerdeck/harness/signaling';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';
import { Member } from '../strangers/member.ts';
import { roomOf } from '../strangers/room.ts';

/** The picture follows the desktop, in the session that it had. */
async function pictureGoesOn({ probe, viewer, host }: Stack, connections = 1): Promise<void> {
  assert.equal(host.child.ended, false, 'the host agent lives');
  await viewer.waitForPaint(await probe.paint());
  assert.equal(await viewer.state(), 'connected');
  const made = await viewer.page.evaluate(() => window.peerdeckPeers?.connections.length);
  assert.equal(made, connections, 'it is the same session');
}

describe('a stranger with the id of a room', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-strangers-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  // As npm start has it: who the host of a room is outlives the service.
  const signalingEnv = { HOST_BINDINGS_FILE: join(folder, 'host-bindings.json') };
  const stack = useStack({ signalingEnv });

  stack.it('sends 60 offers without a proof and leaves', async (parts) => {
    await parts.viewer.waitForPicture();
    for (let round = 0; round < 2; round++) {
      const stranger = await Member.join(roomOf(parts));
      for (let i = 0; i < 60; i++) {
        stranger.send({ type: 'offer', sdp: 'v=0\r\n', session: `stranger-${round}-${i}` });
      }
      stranger.leave();
      await waitUntil('the stranger gone', 5000, () => stranger.isClosed);
    }
    // longer than the host needs to answer all of it: what it asks signaling next is answered
    const owner = await openViewer({ browser: parts.browser });
    try {
      await owner.open(parts.viewerUrl);
      await owner.waitForPicture();
      await pictureGoesOn(parts);
    } finally {
      await owner.close();
    }
  });

  stack.it('fills the room with members that only join, and the owner gets in', async (parts) => {
    await parts.viewer.waitForPicture();
    const strangers = await Promise.all(
      Array.from({ length: 20 }, () => Member.join(roomOf(parts))),
    );
    const owner = await openViewer({ browser: parts.browser });
    try {
      await owner.open(parts.viewerUrl);
      await owner.waitForPicture(10_000);
      await pictureGoesOn(parts);
    } finally {
      await owner.close();
      for (const stranger of strangers) stranger.close();
    }
  });

  stack.it(
    'takes the place of the host while signaling is new and the host away',
    async (parts) => {
      await parts.viewer.waitForPicture();
      const { port } = parts.signaling;
      parts.host.child.kill('SIGKILL');
      parts.signaling.child.kill('SIGKILL');
      await parts.host.child.waitForExit(5000);
      await parts.signaling.child.waitForExit(5000);
      parts.signaling = new Signaling({ port, env: signalingEnv });
      await parts.signaling.ready();
      const squatter = new Member({ ...roomOf(parts), role: 'host' });
      await waitUntil('the squatter refused', 10_000, () => squatter.isClosed);
      try {
        parts.host = parts.host.again();
        await parts.host.ready();
        const owner = await openViewer({ browser: parts.browser });
        await owner.open(parts.viewerUrl);
        await owner.waitForPicture(30_000);
        await owner.waitForPaint(await parts.probe.paint());
        await owner.close();
      } finally {
        squatter.close();
      }
    },
  );
});
