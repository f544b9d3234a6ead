/** A viewer behind a line that is worse than the others', and one whose line goes away for a second. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { chromiumPath, openBrowser } from '@peerdeck/harness/browser';
import { openStack } from '@peerdeck/harness/stack';
import type { Stack } from '@peerdeck/harness/stack';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { delay, waitUntil } from '@peerdeck/harness/wait';
import { openNamespace } from '../harness/namespace.ts';
import type { NetworkNamespace } from '../harness/namespace.ts';
import { watch } from '../strangers/watch.ts';

describe('behind a bad line', () => {
  let namespace: NetworkNamespace | string = 'not tried';
  let stack: Stack | undefined;
  before(async () => {
    namespace = await openNamespace();
    if (typeof namespace === 'string') return;
    stack = await openStack({
      address: namespace.outerAddress,
      scene: 'scroll',
      // small, so that a busy machine is not taken for a bad path
      width: 640,
      height: 360,
    });
  });
  after(async () => {
    await stack?.close();
    if (typeof namespace !== 'string') await namespace.close();
  });

  /** A viewer in the namespace, with the link that only shows. */
  async function inside(
    body: (viewer: Viewer, line: NetworkNamespace, all: Stack) => Promise<void>,
  ) {
    if (typeof namespace === 'string' || stack === undefined) throw new Error('no namespace');
    const browser = await openBrowser({ executablePath: namespace.wrapper(chromiumPath) });
    try {
      const viewer = await openViewer({ browser, width: 640, height: 360 });
      await viewer.open(stack.host.viewUrl);
      await viewer.waitForPicture();
      await body(viewer, namespace, stack);
    } catch (error) {
      console.error(stack.report());
      throw error;
    } finally {
      namespace.loseArriving(0);
      await browser.close();
    }
  }

  it('a watcher that loses a tenth costs the one beside it nothing, and sees on', async (test) => {
    if (typeof namespace === 'string') return test.skip(namespace);
    await inside(async (watcher, line, { viewer, probe }) => {
      await viewer.waitForPicture();
      probe.start(30);
      await watch(viewer, probe, 60);
      const before = await watch(viewer, probe, 150);
      line.loseArriving(0.1);
      const seen = await watcher.inbound();
      const during = await watch(viewer, probe, 300);
      const later = await watcher.inbound();
      line.loseArriving(0);
      await probe.stop();
      const decoded = later.framesDecoded - seen.framesDecoded;
      const report = JSON.stringify({ before, during, decoded });
      console.log(`  a tenth lost beside it: ${report}`);
      assert.ok(during.share >= 0.8 * before.share, `pictures went missing: ${report}`);
      assert.ok(decoded > 60, `the watcher stands still: ${report}`);
    });
  });

  it('the picture is there again as soon as a line that was away for a second is', async (test) => {
    if (typeof namespace === 'string') return test.skip(namespace);
    await inside(async (watcher, line, { probe }) => {
      probe.start(30);
      const paintsOf = async (): Promise<number> => (await watcher.inbound()).framesDecoded;
      const first = await paintsOf();
      await waitUntil('pictures', 10_000, async () => (await paintsOf()) > first + 30);
      line.loseArriving(1);
      await delay(1000); // how long it is away: nothing is waited for
      const frozen = await paintsOf();
      line.loseArriving(0);
      const from = performance.now();
      await waitUntil('a picture again', 5000, async () => (await paintsOf()) > frozen + 1);
      console.log(`  back after ${Math.round(performance.now() - from)} ms`);
      assert.equal(await watcher.state(), 'connected');
      await probe.stop();
    });
  });
});
