/**
 * Somebody with a link that only shows: what they ask of the host costs the others neither
 * pictures nor the controls.
 */
import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { deriveViewer, ViewerAuth } from '@peerdeck/protocol';
import type { Browser } from 'playwright-core';

import { useStack } from '@peerdeck/harness/use-stack';
import type { Stack } from '@peerdeck/harness/stack';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { monotonicUs, waitUntil } from '@peerdeck/harness/wait';
import { Member } from '../strangers/member.ts';
import { invitationOf, roomOf } from '../strangers/room.ts';
import { openSockets, residentMb, watch } from '../strangers/watch.ts';

/** A watcher with the real page in a browser; its data channels are its own to abuse. */
async function withWatcher(stack: Stack, body: (watcher: Viewer) => Promise<void>): Promise<void> {
  const watcher = await openViewer({ browser: stack.browser });
  try {
    await watcher.open(stack.host.viewUrl);
    await watcher.waitForPicture();
    await body(watcher);
  } finally {
    await watcher.close();
  }
}

/** What a browser offers to a host: the real thing, without a page of ours around it. */
async function browserOffer(browser: Browser): Promise<string> {
  const page = await browser.newPage();
  try {
    return await page.evaluate(async () => {
      const connection = new RTCPeerConnection();
      connection.addTransceiver('video', { direction: 'recvonly' });
      connection.createDataChannel('control', { negotiated: true, id: 1 });
      const { sdp = '' } = await connection.createOffer();
      return sdp;
    });
  } finally {
    await page.close();
  }
}

describe('a watcher', () => {
  const stack = useStack({ scene: 'scroll' });

  stack.it('says that it sees and does not see, as fast as it can', async (parts) => {
    const { probe, viewer, host } = parts;
    await viewer.waitForPicture();
    await withWatcher(parts, async (watcher) => {
      probe.start(30);
      await watch(viewer, probe, 60);
      const before = await watch(viewer, probe, 150);
      await watcher.page.evaluate(() => {
        const control = window.peerdeckPeers?.channels.findLast(({ label }) => label === 'control');
        let visible = true;
        setInterval(() => {
          for (let i = 0; i < 10 && control?.readyState === 'open'; i++) {
            visible = !visible;
            control.send(JSON.stringify({ type: 'visibility', visible }));
          }
        }, 10);
      });
      const during = await watch(viewer, probe, 150);
      await probe.stop();
      const report = JSON.stringify({ before, during });
      console.log(`visibility flood: ${report}`);
      assert.equal(host.child.ended, false);
      assert.ok(during.share >= 0.7 * before.share, `pictures went missing: ${report}`);
      // a watcher who lost pictures is worth one keyframe every two seconds to all
      const bound = before.keyframes + 2 + during.seconds / 2;
      assert.ok(during.keyframes <= bound, `keyframes for a watcher: ${report}`);
    });
  });

  stack.it('opens one session after the other, as fast as it can', async (parts) => {
    const { probe, viewer, host, browser } = parts;
    await viewer.waitForPicture();
    const { code } = invitationOf(host.viewUrl);
    const { key } = deriveViewer(code);
    const sdp = await browserOffer(browser);
    probe.start(30);
    await watch(viewer, probe, 60);
    const before = await watch(viewer, probe, 150);
    const sockets = openSockets(host.pid);
    const memory = residentMb(host.pid);
    let offers = 0;
    let mostSockets = 0;
    let members = await Promise.all([1, 2].map(() => Member.join(roomOf(parts))));
    const flood = setInterval(() => {
      for (const member of members.filter(({ isClosed }) => !isClosed)) {
        const session = `flood-${process.pid}-${offers++}`;
        const auth = new ViewerAuth({ session, role: 'view', key }).makeOffer(sdp);
        member.send({ type: 'offer', sdp, session, auth });
      }
      // who was thrown out comes again
      members = members.map((one) => (one.isClosed ? new Member(roomOf(parts)) : one));
      mostSockets = Math.max(mostSockets, openSockets(host.pid));
    }, 20);
    let during;
    try {
      during = await watch(viewer, probe, 300);
    } finally {
      clearInterval(flood);
      for (const member of members) member.leave();
    }
    await probe.stop();
    const grown = { sockets: mostSockets - sockets, memory: residentMb(host.pid) - memory };
    const report = JSON.stringify({ before, during, offers, grown });
    console.log(`offers: ${report}`);
    assert.equal(host.child.ended, false);
    assert.ok(during.share >= 0.7 * before.share, `pictures went missing: ${report}`);
    assert.ok(grown.memory <= 100, `megabytes of the host: ${report}`);
    // Two dozen attempts at once, each with a socket for every address of this machine.
    assert.ok(grown.sockets <= 150, `sockets of the host: ${report}`);
    // and it is over when it is over
    await waitUntil('the sockets closed again', 30_000, () => openSockets(host.pid) <= sockets + 4);
  });

  stack.it('sends thousands of keys while the owner types', async (parts) => {
    const { probe, viewer } = parts;
    await viewer.waitForPicture();
    await viewer.page.mouse.click(640, 360);
    await withWatcher(parts, async (watcher) => {
      const idle = await type(parts);
      await watcher.page.evaluate(() => {
        const input = window.peerdeckPeers?.channels.findLast(({ label }) => label === 'input');
        const key = new Uint8Array([1, 1, 4, 0]);
        let sent = 0;
        setInterval(() => {
          for (let i = 0; i < 512 && input?.readyState === 'open'; i++) {
            if (input.bufferedAmount > 65_536) break;
            input.send(key);
            sent += 1;
          }
          document.title = `${sent}`;
        }, 5);
      });
      const sent = async (): Promise<number> => Number(await watcher.page.title());
      await waitUntil('the flood', 20_000, async () => (await sent()) >= 512);
      const flooded = await type(parts);
      await waitUntil('the flood gone on, or ended', 20_000, async () => {
        return (await sent()) >= 4096 || (await watcher.state()) !== 'connected';
      });
      const report = JSON.stringify({ idle, flooded, sent: await sent() });
      console.log(`input flood: ${report}`);
      assert.ok(flooded.median <= 10 * idle.median + 20, `keys came late: ${report}`);
      assert.ok(flooded.slowest <= 10 * idle.slowest + 100, `a key came late: ${report}`);
      assert.ok(probe.input.every((each) => each.event !== 'key' || each.keysym !== 'a'));
    });
  });
});

/** Keys of the viewer in control, one at a time. -> milliseconds from the page to the X server. */
async function type({ probe, viewer }: Stack): Promise<{ median: number; slowest: number }> {
  const letters = [...'the quick brown fox jumps over it'].filter((one) => one !== 'a');
  const times: number[] = [];
  const start = probe.input.length;
  const pressed = (): string[] =>
    probe.input.slice(start).flatMap((each) => {
      return each.event === 'key' && each.down ? [each.keysym] : [];
    });
  for (const [i, letter] of letters.entries()) {
    const us = monotonicUs();
    await viewer.page.keyboard.press(letter === ' ' ? 'Space' : `Key${letter.toUpperCase()}`);
    await waitUntil(`key ${i}`, 20_000, () => pressed().length > i);
    const arrived = probe.input.findLast((each) => each.event === 'key' && each.down);
    times.push(((arrived?.us ?? 0) - us) / 1000);
  }
  assert.deepEqual(
    pressed(),
    letters.map((letter) => (letter === ' ' ? 'space' : letter)),
  );
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { median: at(0.5), slowest: at(1) };
}
