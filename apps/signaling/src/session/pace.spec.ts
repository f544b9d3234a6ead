import { ManualClock } from '../testing/manual-clock.ts';
import { FLOOD_MS, Pace } from './pace.ts';

const NO_LIMIT = { limit: 0, periodMs: 10_000 };
const twenty = { limit: 20, periodMs: 10_000 };

function pace(clock: ManualClock, options: Partial<ConstructorParameters<typeof Pace>[0]> = {}) {
  return new Pace({ clock, messages: twenty, bytes: NO_LIMIT, ...options });
}

/** Lets what waits for the clock see that it has moved. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a burst passes, and what is more waits for its time', async () => {
  const clock = new ManualClock();
  const one = pace(clock);
  for (let count = 0; count < 20; count += 1) expect(one.come(1)).toBe(0);
  const wait = one.come(1);
  expect(wait).toBeCloseTo(500);
  let handled = false;
  const held = one.hold(wait, 1).then(() => {
    handled = true;
  });
  clock.advance(499);
  await settle();
  expect(handled).toBe(false);
  clock.advance(1);
  await held;
  expect(handled).toBe(true);
  // It was counted: the next one waits as long again.
  expect(one.come(1)).toBeCloseTo(500);
});

test('bytes count as well, and a message that waits for them is not counted twice', async () => {
  const clock = new ManualClock();
  const one = pace(clock, { bytes: { limit: 1000, periodMs: 10_000 } });
  expect(one.come(800)).toBe(0);
  const wait = one.come(800);
  expect(wait).toBeCloseTo(6000);
  const held = one.hold(wait, 800);
  clock.advance(6000);
  await held;
  // Two of twenty messages so far: eighteen are left at once, were it not for their bytes.
  for (let count = 0; count < 18; count += 1) expect(one.come(0)).toBe(0);
});

test('who is over the rate all the time is a flood, and who pauses is not', async () => {
  const clock = new ManualClock();
  const one = pace(clock);
  const flood = async (ms: number) => {
    for (const end = clock.now() + ms; clock.now() < end;) {
      const wait = one.come(1);
      if (wait === 0) continue;
      const held = one.hold(wait, 1);
      clock.advance(wait);
      await held;
    }
  };
  await flood(FLOOD_MS - 1000);
  expect(one.isFlood).toBe(false);
  clock.advance(20_000);
  await flood(FLOOD_MS - 1000);
  expect(one.isFlood).toBe(false);
  await flood(2000);
  expect(one.isFlood).toBe(true);
});

test('a host has ten times as much, for it answers all who come', () => {
  const one = pace(new ManualClock());
  one.beHost();
  for (let count = 0; count < 200; count += 1) expect(one.come(1)).toBe(0);
  expect(one.come(1)).toBeCloseTo(50);
});

test('closed, nothing that waits comes back', async () => {
  const clock = new ManualClock();
  const one = pace(clock, { messages: { limit: 1, periodMs: 1000 } });
  one.come(1);
  let handled = false;
  void one.hold(one.come(1), 1).then(() => {
    handled = true;
  });
  one.close();
  one.close();
  clock.advance(5000);
  await settle();
  expect(handled).toBe(false);
});
