import { QualityLadder } from './quality-ladder.ts';

const hd = { fps: 60, width: 1280, height: 720 };

/** Feeds one rate for `ms` and gives the qualities seen, without repeats. */
function run(ladder: QualityLadder, from: number, ms: number, bps: number): string[] {
  const seen: string[] = [];
  for (let t = from; t < from + ms; t += 100) {
    const { fps, scale } = ladder.update(bps, t);
    const text = `${fps}x${scale}`;
    if (seen.at(-1) !== text) seen.push(text);
  }
  return seen;
}

describe('QualityLadder', () => {
  it('lowers the frame rate first, then the size, one rung at a time', () => {
    expect(run(new QualityLadder(hd), 0, 5000, 100_000)).toEqual([
      '60x1',
      '30x1',
      '30x0.75',
      '30x0.5',
      '20x0.5',
    ]);
  });

  it('stays where the rate suffices', () => {
    expect(run(new QualityLadder(hd), 0, 10_000, 6_000_000)).toEqual(['60x1']);
  });

  it('climbs back only with headroom, for a while', () => {
    const ladder = new QualityLadder(hd);
    run(ladder, 0, 2000, 900_000);
    expect(run(ladder, 2000, 20_000, 1_200_000)).toEqual(['30x1']);
    expect(run(ladder, 22_000, 2000, 2_000_000)).toEqual(['30x1']);
    expect(run(ladder, 24_000, 2000, 2_000_000)).toEqual(['30x1', '60x1']);
  });

  it('does not flutter when the rate swings around a threshold', () => {
    const ladder = new QualityLadder(hd);
    let moves = 0;
    let before = 60;
    for (let t = 0; t < 60_000; t += 100) {
      const { fps } = ladder.update(1_106_000 * (1 + 0.15 * Math.sin(t / 800)), t);
      if (fps !== before) moves += 1;
      before = fps;
    }
    expect(moves).toBeLessThanOrEqual(1);
  });

  it('has no duplicate rungs for a slow source', () => {
    expect(run(new QualityLadder({ fps: 30, width: 1280, height: 720 }), 0, 5000, 1000)).toEqual([
      '30x1',
      '30x0.75',
      '30x0.5',
      '20x0.5',
    ]);
  });
});
