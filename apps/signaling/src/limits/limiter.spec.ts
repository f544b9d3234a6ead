import { Gcra, KeyedLimiter } from './limiter.ts';

const rate = { limit: 200, periodMs: 10_000 };

test('a burst of the limit is allowed, the next has to wait for its share', () => {
  const limiter = new Gcra(rate);
  for (let count = 0; count < 200; count += 1) expect(limiter.take(0)).toBe(0);
  expect(limiter.take(0)).toBeCloseTo(50);
  expect(limiter.take(49)).toBeGreaterThan(0);
  expect(limiter.take(50)).toBe(0);
  expect(limiter.take(50)).toBeGreaterThan(0);
});

test.each([
  [200, 1.05],
  [200, 2],
  [300, 1.05],
  [7, 10],
])('at a limit of %s a sender at %s times the rate gets the rate, for good', (limit, factor) => {
  const limiter = new Gcra({ limit, periodMs: 10_000 });
  const periods = 60;
  let allowed = 0;
  for (let now = 0; now < periods * 10_000; now += 10_000 / limit / factor) {
    if (limiter.take(now) === 0) allowed += 1;
  }
  expect(allowed).toBeGreaterThanOrEqual(periods * limit);
  expect(allowed).toBeLessThanOrEqual((periods + 1) * limit + 1);
});

test('a sender just below the rate is never refused', () => {
  const limiter = new Gcra(rate);
  for (let now = 0; now < 600_000; now += 50.01) expect(limiter.take(now)).toBe(0);
});

test('after a pause the whole burst is there again, and no more', () => {
  const limiter = new Gcra(rate);
  const burst = (now: number) => {
    let allowed = 0;
    while (limiter.take(now) === 0) allowed += 1;
    return allowed;
  };
  expect(burst(0)).toBe(200);
  expect(burst(1_000_000)).toBe(200);
});

test('0 is no limit', () => {
  const limiter = new Gcra({ limit: 0, periodMs: 10_000 });
  for (let count = 0; count < 10_000; count += 1) expect(limiter.take(0)).toBe(0);
  expect(new KeyedLimiter({ limit: 0, periodMs: 1, maxKeys: 1 }).take('a', 0)).toBe(0);
});

test('keys have limits of their own, and a bound of their number', () => {
  const limiter = new KeyedLimiter({ limit: 1, periodMs: 1000, maxKeys: 100 });
  expect(limiter.take('a', 0)).toBe(0);
  expect(limiter.take('b', 0)).toBe(0);
  expect(limiter.take('a', 0)).toBeGreaterThan(0);
  for (let count = 0; count < 10_000; count += 1) limiter.take(`k${count}`, 0);
  expect(limiter.size).toBe(100);
  limiter.take('later', 5000);
  expect(limiter.size).toBe(1);
});
