import type { SeenFrame } from '@peerdeck/harness/page/reader';
import { samplesOf } from './glass.ts';

const frame = (paint: number | null, now: number): SeenFrame => ({
  ...{ paint, now, called: now + 1, read: now + 2, received: now - 9, decode: 0.002 },
  ...{ presented: 0, rtpTimestamp: null, width: 1280, height: 720, clicks: 0 },
});

it('each paint counts once, at its first presentation; others are left out', () => {
  const painted = new Map([
    [1, 1_000_000],
    [2, 1_016_000],
  ]);
  const frames = [
    frame(1, 1014),
    frame(1, 1030),
    frame(null, 1031),
    frame(2, 1047),
    frame(7, 1063),
  ];
  expect(samplesOf(painted, frames, (pageMs) => pageMs * 1000)).toEqual([
    { presented: 14, script: 15, received: 5, decode: 2 },
    { presented: 31, script: 32, received: 22, decode: 2 },
  ]);
});
