/**
 * Whoever runs the signaling service can refuse it, and no more: what they say, and what they
 * close connections with, ends no session that stands.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { openBrowser } from '@peerdeck/harness/browser';
import { openDisplay } from '@peerdeck/harness/display';
import { Host } from '@peerdeck/harness/host';
import { Probe } from '@peerdeck/harness/probe';
import { Signaling } from '@peerdeck/harness/signaling';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';
import { LyingOperator } from '../strangers/lying-operator.ts';

interface Parts {
  probe: Probe;
  signaling: Signaling;
  operator: LyingOperator;
  host: Host;
  viewer: Viewer;
}

describe('a signaling operator who lies', () => {
  const closers: (() => Promise<unknown>)[] = [];
  let parts: Parts;

  before(async () => {
    const display = await openDisplay(1280, 720);
    closers.unshift(() => display.close());
    const probe = new Probe(display.name);
    closers.unshift(() => probe.close());
    await probe.ready();
    const signaling = new Signaling();
    closers.unshift(() => signaling.close());
    await signaling.ready();
    const operator = await LyingOperator.open(signaling.port);
    closers.unshift(() => operator.close());
    const host = new Host({ display: display.name, address: '127.0.0.1', port: operator.port });
    closers.unshift(() => host.close());
    await host.ready();
    const browser = await openBrowser();
    closers.unshift(() => browser.close());
    const viewer = await openViewer({ browser });
    parts = { probe, signaling, operator, host, viewer };
    await viewer.open(host.viewerUrl);
    await viewer.waitForPicture();
  });
  after(async () => {
    for (const close of closers) await close();
  });

  /** Two seconds and more of pictures, in the session that there was. */
  async function pictureGoesOn(): Promise<void> {
    const { probe, host, viewer } = parts;
    try {
      await probe.run(30, 60);
      const newest = Math.max(...probe.paints.keys());
      await viewer.waitForPaint(newest);
      assert.equal(host.child.ended, false, 'the host agent lives');
      assert.equal(await viewer.state(), 'connected');
      const made = await viewer.page.evaluate(() => window.peerdeckPeers?.connections.length);
      assert.equal(made, 1, 'it is the same session');
    } catch (error) {
      console.error(`${host.child.log.split('\n').slice(-40).join('\n')}\n${viewer.log}`);
      throw error;
    }
  }

  for (const reason of ['left', 'kicked', 'replaced', 'lost']) {
    it(`says that everybody has left (${reason})`, async () => {
      parts.operator.tellAllLeft(reason);
      await pictureGoesOn();
    });
  }

  // what each side took for the last word once, what it may be told wrongly, and none at all
  for (const code of [1000, 1008, 4001, 4003, 4008, 4009, 4010, 4011, 4013, 4016, 4017]) {
    it(`ends both connections with ${code}`, async () => {
      parts.operator.closeAll(code);
      await pictureGoesOn();
    });
  }

  it('comes back with an empty room where the true service was', async () => {
    const { operator } = parts;
    operator.playAlone();
    await pictureGoesOn();
    await waitUntil('somebody back', 90_000, () => operator.joins >= 1);
    operator.tellAllLeft('left');
    await pictureGoesOn();
  });
});
