/** Connections that have proven nothing cost a node little, whatever they begin and do not end. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe } from 'node:test';

import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';
import { residentMb } from '../strangers/watch.ts';

/** Frames of a text message of one byte each, masked, none of them the last. */
const fragments = (count: number): Buffer => {
  const all = Buffer.alloc(count * 7);
  for (let i = 0; i < count; i++) all.set([i === 0 ? 1 : 0, 0x81, 0, 0, 0, 0, 0x20], i * 7);
  return all;
};

/** A WebSocket made by hand, from an address of its own of this machine. */
async function openRaw(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Protocol: peerdeck.v2\r\n\r\n',
  );
  socket.resume();
  return socket;
}

describe('200 connections', () => {
  const stack = useStack({ signalingEnv: { NODE_OPTIONS: '--max-old-space-size=384' } });

  stack.it('begin a message, a byte a frame, and do not end it', async (parts) => {
    const { signaling, browser, viewer } = parts;
    await viewer.waitForPicture();
    const before = residentMb(signaling.child.pid);
    // one byte less than the library's own bound of 16,384, so that it says nothing
    const bytes = fragments(16_383);
    const open = Array.from({ length: 200 }, (_, i) => {
      return openRaw(signaling.port, `127.0.${1 + (i % 20)}.${1 + Math.floor(i / 20)}`);
    });
    const sockets = await Promise.all(open);
    let most = before;
    try {
      for (const socket of sockets) {
        if (!socket.destroyed) await new Promise((resolve) => socket.write(bytes, resolve));
        if (!signaling.child.ended) most = Math.max(most, residentMb(signaling.child.pid));
      }
      const owner = await openViewer({ browser });
      await owner.open(parts.viewerUrl);
      await owner.waitForPicture();
      most = Math.max(most, residentMb(signaling.child.pid));
      await owner.close();
      console.log(`one-byte fragments: ${before.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
      assert.ok(most - before <= 120, `the node grew from ${before} to ${most} MB`);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    assert.equal(signaling.child.ended, false, 'the node lives');
    await viewer.waitForPaint(await parts.probe.paint());
  });
});
