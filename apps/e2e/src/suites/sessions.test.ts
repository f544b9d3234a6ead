import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { openKillableBrowser } from '@peerdeck/harness/browser';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { Signaling } from '@peerdeck/harness/signaling';
import { waitUntil } from '@peerdeck/harness/wait';

const freedWithinMs = 3000;

/** The text a person sees over the picture. */
const overlay = (viewer: Viewer): Promise<string> => viewer.page.locator('#overlay').innerText();

describe('sessions', () => {
  const stack = useStack();

  stack.it(
    'the picture goes on while signaling restarts, and the page finds it again',
    async (p) => {
      const { probe, viewer } = p;
      await viewer.waitForPicture();
      await probe.reset();
      probe.start(30);
      await viewer.waitForPaint(30);
      await viewer.takeFrames();
      const { port } = p.signaling;
      p.signaling.child.kill('SIGKILL');
      await p.signaling.child.waitForExit(5000);
      const lost = Math.max(...probe.paints.keys());
      await viewer.waitForPaint(lost + 60); // two seconds without any signaling
      p.signaling = new Signaling({ port });
      await p.signaling.ready();
      await waitUntil('host and viewer in the room again', 20_000, async () => {
        return (await p.signaling.members()) >= 2;
      });
      await viewer.waitForPaint(Math.max(...probe.paints.keys()) + 30);
      await probe.stop();
      const frames = await viewer.takeFrames();
      const gaps = frames.slice(1).map(({ now }, i) => now - (frames[i]?.now ?? now));
      assert.ok(Math.max(...gaps) < 1000, `the picture stood for ${Math.max(...gaps)} ms`);
      assert.equal(await viewer.state(), 'connected');
      assert.equal(await viewer.page.evaluate(() => window.peerdeckPeers?.connections.length), 1);
    },
  );

  stack.it('closing the tab frees the host within 3 s, and another viewer connects', async (p) => {
    const { browser, probe } = p;
    const second = await openViewer({ browser });
    await second.open(p.viewerUrl);
    await second.waitForPicture();
    await waitUntil('two viewers', 5000, () => p.host.viewers === 2);
    // signaling knows of a closed tab at once: its connection ends with it
    await second.close();
    await waitUntil('the viewer gone from the host', freedWithinMs, () => p.host.viewers === 1);
    const third = await openViewer({ browser });
    await third.open(p.viewerUrl);
    await third.waitForPicture();
    const paint = await probe.paint();
    await third.waitForPaint(paint);
    await third.close();
  });

  stack.it('a browser killed outright frees the host too', async (p) => {
    const killable = await openKillableBrowser();
    try {
      const second = await openViewer({ browser: killable.browser });
      await second.open(p.viewerUrl);
      await second.waitForPicture();
      await waitUntil('two viewers', 5000, () => p.host.viewers === 2);
    } finally {
      await killable.kill();
    }
    await waitUntil('the viewer gone from the host', 15_000, () => p.host.viewers === 1);
  });

  stack.it('the page comes back after the host was killed and started again', async (p) => {
    const { probe, viewer } = p;
    await viewer.waitForState('connected');
    p.host.child.kill('SIGKILL');
    await p.host.child.waitForExit(5000);
    await viewer.waitForState('reconnecting', 20_000);
    assert.match(await overlay(viewer), /Connection lost, reconnecting/);
    p.host = p.host.again();
    await p.host.ready();
    await viewer.waitForPicture(40_000);
    const paint = await probe.paint();
    await viewer.waitForPaint(paint);
    const before = probe.input.length;
    await viewer.page.mouse.click(640, 360);
    await waitUntil('a click through the new session', 5000, () => {
      return probe.input.slice(before).some((each) => each.event === 'button' && !each.down);
    });
  });

  stack.it("a clean end says so and the page doesn't try again", async (p) => {
    const { viewer } = p;
    await viewer.waitForState('connected');
    const connections = (): Promise<number> =>
      viewer.page.evaluate(() => window.peerdeckPeers?.connections.length ?? 0);
    const before = await connections();
    let sockets = 0;
    viewer.page.on('websocket', () => (sockets += 1));
    // from here on the page's timers can be told that time has passed
    await viewer.page.clock.install();
    p.host.child.kill('SIGINT');
    await viewer.waitForState('ended', 10_000);
    assert.match(await overlay(viewer), /The host has ended the session/);
    await p.host.child.waitForExit(10_000);
    assert.equal(p.host.child.exitCode, 0);
    p.host = p.host.again();
    await p.host.ready();
    // far longer than the longest step of the reconnect policy
    await viewer.page.clock.fastForward(600_000);
    await viewer.page.evaluate(() => new Promise(requestAnimationFrame));
    assert.equal(await viewer.state(), 'ended');
    assert.equal(sockets, 0);
    assert.equal(await connections(), before);
  });
});
