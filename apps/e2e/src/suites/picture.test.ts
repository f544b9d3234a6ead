import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { measureClock } from '@peerdeck/harness/clock';
import { useStack } from '@peerdeck/harness/use-stack';
import type { SeenFrame } from '@peerdeck/harness/page/reader';

const paints = 600;
const allowedBehind = 10;
/** Paints a second: ten of them are 0.4 s, which a busy machine may take. */
const rate = 25;

/** How many codes the newest presented picture lagged when each paint was made, at worst. */
function worstBehind(
  painted: ReadonlyMap<number, number>,
  frames: readonly SeenFrame[],
  toMonotonicUs: (pageMs: number) => number,
): { behind: number; at: number } {
  let next = 0;
  let shown = 0;
  let worst = { behind: 0, at: 0 };
  for (const [paint, us] of painted) {
    for (let frame = frames[next]; frame; frame = frames[++next]) {
      if (toMonotonicUs(frame.now) > us) break;
      shown = Math.max(shown, frame.paint ?? 0);
    }
    if (paint - shown > worst.behind) worst = { behind: paint - shown, at: paint };
  }
  return worst;
}

describe('the picture', () => {
  const stack = useStack();

  stack.it('600 painted codes are read back in order, never more than 10 behind', async (parts) => {
    const { probe, viewer } = parts;
    await viewer.waitForPicture();
    await probe.reset();
    await probe.run(30, 30); // the first pictures start the decoder
    await viewer.waitForPaint(30);
    await probe.reset();
    await viewer.waitForExactPaint(0);
    await viewer.takeFrames();
    await probe.run(rate, paints);
    await viewer.waitForPaint(paints);

    const frames = await viewer.takeFrames();
    const seen = frames.map(({ paint }) => paint);
    assert.ok(!seen.includes(null), `${seen.filter((p) => p === null).length} without a code`);
    for (let i = 1; i < seen.length; i++) {
      assert.ok((seen[i] ?? 0) >= (seen[i - 1] ?? 0), `${seen[i]} came after ${seen[i - 1]}`);
    }
    assert.equal(seen.at(-1), paints);
    const { toMonotonicUs } = await measureClock(viewer.page);
    const { behind, at } = worstBehind(probe.paints, frames, toMonotonicUs);
    const distinct = new Set(seen).size;
    console.log(`  ${distinct} of ${paints} codes presented, at worst ${behind} behind`);
    assert.ok(behind <= allowedBehind, `${behind} codes behind at paint ${at}`);
  });
});
