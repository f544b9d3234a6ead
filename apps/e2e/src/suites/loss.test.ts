import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { chromiumPath } from '@peerdeck/harness/browser';
import { openNamespace } from '../harness/namespace.ts';
import type { NetworkNamespace } from '../harness/namespace.ts';
import { openStack } from '@peerdeck/harness/stack';
import type { Stack } from '@peerdeck/harness/stack';
import { median } from '@peerdeck/harness/statistics';
import type { Viewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';

const lossShare = 0.1;
/** Reports of one second each that a measured rate is the median of. */
const window = 5;

/** Keeps the newest `window` reports of the encoder's output, bits per second. */
class EncoderRate {
  readonly #viewer: Viewer;
  #recent: number[] = [];
  readonly trace: string[] = [];

  constructor(viewer: Viewer) {
    this.#viewer = viewer;
  }

  async measure(): Promise<number | undefined> {
    for (const { bitrateBps, targetBitrateBps, reason } of await this.#viewer.takeHostStats()) {
      this.#recent = [...this.#recent, bitrateBps].slice(-window);
      const inM = (bps: number): string => (bps / 1e6).toFixed(2);
      this.trace.push(`${inM(bitrateBps)}/${inM(targetBitrateBps)} ${reason}`);
    }
    return this.#recent.length === window ? median(this.#recent) : undefined;
  }

  restart(): void {
    this.#recent = [];
  }
}

describe('loss on the wire', () => {
  let namespace: NetworkNamespace | string = 'not tried';
  let stack: Stack | undefined;
  before(async () => {
    namespace = await openNamespace();
    if (typeof namespace === 'string') return;
    stack = await openStack({
      address: namespace.outerAddress,
      browserPath: namespace.wrapper(chromiumPath),
      scene: 'game',
      // small, so that a busy machine is not taken for a bad path
      width: 640,
      height: 360,
      // fewer bits than the content would take, so that the encoder's rate is the target's
      video: { fps: 30, bitrateStart: 1_500_000, bitrateMin: 300_000, bitrateMax: 1_500_000 },
    });
  });
  after(async () => {
    await stack?.close();
    if (typeof namespace !== 'string') await namespace.close();
  });

  it('10 % loss of a radio: a lower rate is tried once, and then it is left to repair', async (test) => {
    if (typeof namespace === 'string' || !stack) return test.skip(String(namespace));
    const { probe, viewer } = stack;
    const rate = new EncoderRate(viewer);
    try {
      await viewer.waitForPicture();
      await viewer.askHostStats(true);
      probe.start(30);
      await waitUntil('the start to be over', 20_000, () => rate.measure());
      rate.restart();
      const usual = await waitUntil('a usual rate', 20_000, () => rate.measure());

      const before = await viewer.inbound();
      namespace.loseArriving(lossShare);
      rate.restart();
      rate.trace.length = 0;
      await waitUntil('a lower rate to be tried', 40_000, async () => {
        await rate.measure();
        return rate.trace.some((line) => line.endsWith(' loss'));
      });
      rate.restart();
      await waitUntil(`90 % of ${usual} bit/s in spite of the loss`, 60_000, async () => {
        return ((await rate.measure()) ?? 0) >= usual * 0.9;
      });
      const during = await viewer.inbound();
      namespace.loseArriving(0);
      const lost = during.packetsLost - before.packetsLost;
      const share = lost / (lost + during.packetsReceived - before.packetsReceived);
      const nacks = during.nackCount - before.nackCount;
      const decoded = during.framesDecoded - before.framesDecoded;
      console.log(
        `  ${(usual / 1e6).toFixed(2)} Mbit/s, ${Math.round(share * 100)} % lost as the browser ` +
          `reports, ${nacks} NACKs, ${decoded} pictures meanwhile`,
      );
      assert.ok(nacks > 0, 'the browser saw the loss');
      assert.ok(decoded > 60, `${decoded} pictures in spite of it`);
    } catch (error) {
      console.error(`encoder/target Mbit/s: ${rate.trace.join(', ')}\n${stack.report()}`);
      throw error;
    }
  });
});
