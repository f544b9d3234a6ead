import { BitrateController } from './bitrate-controller.ts';
import {
  FILLS_THE_LINK,
  SimulatedPath,
  longestGap,
  meanRate,
  quantile,
  queue,
} from './testing/simulated-path.ts';
import { seeded } from './testing/simulated-link.ts';

/*
 * The scenarios of `npm run bench:adaptation`, by the same names, over a simulated path whose
 * feedback is as honest as Chromium's: late, in units of a quarter of a millisecond, 15 times a
 * second, missing in an outage. 20 ms one way unless said otherwise.
 */

const LIMITS = { minBps: 500_000, startBps: 6_000_000, maxBps: 20_000_000 };
const VIDEO = { width: 1280, height: 720, fps: 60 };
const SECOND = 1000;

const controller = () => new BitrateController({ limits: LIMITS, video: VIDEO });
const path = (seed = 1) => new SimulatedPath(controller(), { seed });
/** 200 ms at the given rate. */
const bottleneck = (bps: number) => ({ bps, queueBytes: bps / 40 });
const reasons = (of: SimulatedPath, from: number) =>
  new Set(of.decisions.filter(({ at }) => at >= from).map(({ decision }) => decision.reason));

it('refuses limits that contradict each other', () => {
  const limits = { minBps: 2, startBps: 1, maxBps: 3 };
  expect(() => new BitrateController({ limits, video: VIDEO })).toThrow(/min <= start <= max/);
});

describe.each([2, 4, 8])('steady-%d', (mbit) => {
  it.each([1, 2, 3])('fills the link and leaves its queue empty (%d)', (seed) => {
    const one = path(seed);
    const bps = mbit * 1e6;
    one.run(20 * SECOND, bottleneck(bps));
    expect(meanRate(one, 5000, 20_000)).toBeGreaterThan(0.83 * bps);
    expect(queue(one, 5000, 20_000, 0.95)).toBeLessThan(25);
    expect(longestGap(one, 5000, 20_000)).toBeLessThan(60);
  });
});

describe('8-2-8', () => {
  it.each([1, 2, 3])('falls without a freeze, and takes back what is there again (%d)', (seed) => {
    const one = path(seed);
    one.run(10 * SECOND, { bps: 8e6, queueBytes: 200_000 });
    one.run(10 * SECOND, { bps: 2e6 });
    expect(longestGap(one, 10_000, 20_000)).toBeLessThan(150);
    expect(queue(one, 10_700, 20_000, 0.95)).toBeLessThan(30);
    expect(one.link.dropped).toBe(0);
    one.run(10 * SECOND, { bps: 8e6 });
    expect(meanRate(one, 22_000, 23_000)).toBeGreaterThan(0.82 * 8e6);
    expect(meanRate(one, 23_000, 30_000)).toBeGreaterThan(0.82 * 8e6);
    expect(queue(one, 20_000, 30_000, 0.95)).toBeLessThan(30);
  });

  it('does not hunt where the content is less than the link', () => {
    const one = path();
    one.content = { ...FILLS_THE_LINK, mostBps: 2.1e6 };
    one.run(10 * SECOND, bottleneck(8e6));
    one.run(30 * SECOND, { bps: 2e6 });
    expect(queue(one, 11_000, 40_000, 0.95)).toBeLessThan(30);
    expect(longestGap(one, 10_000, 40_000)).toBeLessThan(150);
  });
});

describe('20-4', () => {
  it('begins gently after a minute in which nothing tested the path', () => {
    const one = path();
    one.run(10 * SECOND, bottleneck(20e6));
    one.content = { mostBps: 60_000, spread: 0.2 };
    one.run(60 * SECOND);
    one.content = FILLS_THE_LINK;
    one.run(10 * SECOND, bottleneck(4e6));
    expect(one.link.dropped).toBe(0);
    expect(queue(one, 70_000, 71_000, 0.95)).toBeLessThan(120);
    expect(queue(one, 71_000, 80_000, 0.95)).toBeLessThan(30);
  });
});

describe.each([
  ['jitter-15', { oneWayMs: 5, jitterMs: 20 }],
  ['jitter-50', { oneWayMs: 50, jitterMs: 20 }],
  ['jitter of 40 ms', { oneWayMs: 50, jitterMs: 40 }],
])('%s', (_name, jitter) => {
  it('is no queue: the rate is as without it', () => {
    const one = path();
    one.run(20 * SECOND, { ...bottleneck(50e6), ...jitter });
    expect(meanRate(one, 5000, 20_000)).toBeGreaterThan(0.9 * LIMITS.maxBps);
  });
});

describe.each([
  [2, LIMITS.maxBps],
  // Less than one packet of a picture lost, on the average: 14 packets, and 7, 60 times a second.
  [5, 8e6],
  [10, 4e6],
])('loss-%d', (percent, mostBps) => {
  it('of a radio is left to repair, once a lower rate has not ended it', () => {
    const one = path();
    one.run(20 * SECOND, { ...bottleneck(50e6), lossShare: percent / 100 });
    expect(meanRate(one, 6000, 20_000)).toBeGreaterThan(0.85 * mostBps);
    expect(meanRate(one, 6000, 20_000)).toBeLessThan(1.25 * mostBps);
  });
});

describe('wifi', () => {
  it.each([1, 2, 3])('that wanders between 6 and 40 Mbit/s and pauses is used (%d)', (seed) => {
    const one = path(seed);
    const random = seeded(seed + 100);
    let bps = 20e6;
    one.run(5 * SECOND, { bps, oneWayMs: 5, queueBytes: 150_000 });
    for (let step = 0; step < 100; step += 1) {
      bps = Math.min(40e6, Math.max(6e6, bps * (0.7 + 0.65 * random())));
      const pauseMs = step % 7 === 6 ? 20 + Math.round(100 * random()) : 0;
      one.run(pauseMs, { bps: 1000 });
      one.run(200 - pauseMs, { bps });
    }
    expect(meanRate(one, 5000, 25_000)).toBeGreaterThan(5e6);
    expect(queue(one, 5000, 25_000, 0.5)).toBeLessThan(15);
  });
});

describe.each([1, 5])('blackout-%d', (seconds) => {
  it('sends next to nothing into it, and is back at once', () => {
    const one = path();
    one.run(10 * SECOND, bottleneck(8e6));
    const before = one.link.dropped;
    one.run(seconds * SECOND, { down: true });
    // A round trip's worth, and then one packet in 50 ms.
    expect(one.link.dropped - before).toBeLessThan(140 + 20 * seconds);
    expect(reasons(one, 10_500)).toContain('silence');
    const back = one.now;
    one.run(5 * SECOND, { down: false });
    const first = one.shown.find(({ at, latencyMs }) => at > back && latencyMs < 200);
    expect((first?.at ?? Infinity) - back).toBeLessThan(250);
    expect(meanRate(one, back + 2000, back + 5000)).toBeGreaterThan(0.8 * 8e6);
  });
});

describe('path-90', () => {
  it('is another path and no queue: the rate is back within 3 s, whoever tells of it', () => {
    for (const isTold of [false, true]) {
      const one = path();
      one.run(10 * SECOND, bottleneck(50e6));
      one.link.change({ oneWayMs: 110 });
      if (isTold) one.controller.pathChanged(one.now);
      one.run(3 * SECOND);
      expect(one.decision.bitrateBps).toBeGreaterThan(0.8 * LIMITS.maxBps);
      expect(reasons(one, 10_000)).toContain(isTold ? 'ceiling' : 'path-change');
      one.run(5 * SECOND, { oneWayMs: 20 });
      expect(meanRate(one, 15_000, 18_000)).toBeGreaterThan(0.9 * LIMITS.maxBps);
    }
  });
});

describe('beside-peerdeck', () => {
  it.each([1, 2, 3])('shares a bottleneck with another one (%d)', (seed) => {
    const first = path(seed);
    first.run(10 * SECOND, bottleneck(8e6));
    const second = new SimulatedPath(controller(), { seed: seed + 10, link: first.link });
    second.now = first.now;
    while (first.now < 40 * SECOND) {
      first.step();
      second.step();
    }
    const rates = [first, second].map((one) => meanRate(one, 20_000, 40_000));
    const share = (rates[0] ?? 0) / ((rates[0] ?? 0) + (rates[1] ?? 0));
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
    expect(queue(first, 20_000, 40_000, 0.95)).toBeLessThan(40);
  });
});

describe('a watcher', () => {
  it('on a perfect path has the whole rate within 3 s, however low it began', () => {
    const one = new SimulatedPath(
      new BitrateController({ limits: { ...LIMITS, startBps: 1_000_000 }, video: VIDEO }),
    );
    one.run(3 * SECOND, bottleneck(100e6));
    expect(one.decision.bitrateBps).toBe(LIMITS.maxBps);
  });

  it('of a desktop that needs little is ready for more', () => {
    const one = path();
    one.content = { mostBps: 1e6, spread: 0.2 };
    one.run(10 * SECOND, bottleneck(50e6));
    one.content = FILLS_THE_LINK;
    one.run(1 * SECOND);
    expect(meanRate(one, 10_500, 11_000)).toBeGreaterThan(0.9 * LIMITS.maxBps);
    expect(
      quantile(
        one.shown.slice(-50).map(({ latencyMs }) => latencyMs),
        0.95,
      ),
    ).toBeLessThan(60);
  });
});

describe('the picture', () => {
  it('loses frames before size where little is carried, and gets both back', () => {
    const one = path();
    const seen = new Set<number>();
    one.run(8 * SECOND, bottleneck(700_000));
    for (const { decision } of one.decisions) seen.add(decision.fps);
    expect(one.decision.fps).toBeLessThan(60);
    one.run(20 * SECOND, bottleneck(50e6));
    expect(one.decision).toMatchObject({ fps: 60, scale: 1 });
    expect(seen.size).toBeGreaterThan(1);
  });
});
