import fc from 'fast-check';
import { KeyedLimiter } from './limiter.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { MemoryLedger } from '../testing/memory-ledger.ts';
import { SharedLimiter, type SettleResult } from './shared-limiter.ts';

const LIMIT = 500;
const PERIOD = 10_000;
const INTERVAL = PERIOD / LIMIT;
const BATCH = 50;

let clock: ManualClock;
let ledger: MemoryLedger;
let settled: SettleResult[];
beforeEach(() => {
  clock = new ManualClock();
  ledger = new MemoryLedger(clock);
  settled = [];
});

function node(
  more: { limit?: number; periodMs?: number; batch?: number; maxKeys?: number } = {},
): SharedLimiter {
  return new SharedLimiter({
    ...{ scope: 'ip', limit: LIMIT, periodMs: PERIOD, batch: BATCH, maxKeys: 1000, ...more },
    ...{ ledger, clock },
    onSettled: (result) => settled.push(result),
  });
}

/** Until what is due has been settled: a turn of the event loop, and the promises after it. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** Sends evenly for `ms` at `factor` times the rate, in turn over the nodes; what got through. */
async function send(nodes: readonly SharedLimiter[], ms: number, factor: number): Promise<number> {
  const end = clock.now() + ms;
  let allowed = 0;
  for (let count = 0; clock.now() < end; count += 1) {
    if (nodes[count % nodes.length]?.take('a', clock.now()) === 0) allowed += 1;
    clock.advance(INTERVAL / factor);
    await turn();
  }
  return allowed;
}

test('alone it lets the same messages through as a limit in the process', async () => {
  const shared = node();
  const own = new KeyedLimiter({ limit: LIMIT, periodMs: PERIOD, maxKeys: 10 });
  for (let count = 0; count < 3000; count += 1) {
    expect(shared.take('a', clock.now())).toBeCloseTo(own.take('a', clock.now()), 6);
    // Bursts, pauses, and a rate above the limit.
    clock.advance(count % 700 === 0 ? 4000 : count % 3 === 0 ? 30 : 1);
    await turn();
  }
});

test('a burst of the limit is allowed in one turn of the event loop, and no more', () => {
  const shared = node();
  for (let count = 0; count < LIMIT; count += 1) expect(shared.take('a', clock.now())).toBe(0);
  expect(shared.take('a', clock.now())).toBeCloseTo(INTERVAL);
  expect(shared.check('a', clock.now())).toBeCloseTo(INTERVAL);
});

test.each([
  [1, 1.05],
  [2, 1.05],
  [2, 3],
  [3, 1.5],
  [8, 4],
])('over %s nodes, a sender at %s times the rate gets the rate', async (count, factor) => {
  const nodes = Array.from({ length: count }, () => node());
  const periods = 12;
  const allowed = await send(nodes, periods * PERIOD, factor);
  // Not starved: the rate, less a batch that has to be waited for; and never much above it.
  expect(allowed).toBeGreaterThanOrEqual(periods * LIMIT);
  expect(allowed).toBeLessThanOrEqual((periods + 1) * LIMIT + count * BATCH + 1);
});

test('whatever comes when and where, all nodes together exceed the limit by a batch each at most', async () => {
  const rate = { limit: 20, periodMs: 1000 };
  const [batch, perMs] = [4, rate.limit / rate.periodMs];
  const pause = fc.oneof(
    { weight: 20, arbitrary: fc.nat({ max: 25 }) },
    { weight: 1, arbitrary: fc.nat({ max: 900 }) },
  );
  const step = fc.tuple(fc.nat({ max: 3 }), pause);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 300 }), async (steps) => {
      clock = new ManualClock();
      ledger = new MemoryLedger(clock);
      const nodes = Array.from({ length: 4 }, () => node({ ...rate, batch }));
      const began = clock.now();
      let allowed = 0;
      for (const [which, pause] of steps) {
        clock.advance(pause);
        if (nodes[which]?.take('a', clock.now()) === 0) allowed += 1;
        await turn();
        const most = rate.limit + (clock.now() - began) * perMs + nodes.length * batch;
        expect(allowed).toBeLessThanOrEqual(most);
      }
    }),
    { numRuns: 150 },
  );
});

test('what each of eight nodes let through at once is paid back by waiting', async () => {
  const nodes = Array.from({ length: 8 }, () => node());
  let allowed = 0;
  for (const each of nodes) while (each.take('a', clock.now()) === 0) allowed += 1;
  expect(allowed).toBe(8 * LIMIT);
  await turn();
  const more = await send(nodes, 5 * PERIOD, 2);
  expect(more).toBeLessThanOrEqual(8 * BATCH);
});

test('nobody waits longer than a minute, whatever the ledger holds', async () => {
  ledger.arrivals.set('ip a', clock.now() + 1e9);
  const shared = node();
  for (let count = 0; count < BATCH; count += 1) shared.take('a', clock.now());
  await turn();
  const wait = shared.take('a', clock.now());
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60_000 + INTERVAL);
});

test('a key below a batch costs no settlement, a busy one a batch each, one that waits none', async () => {
  const shared = node();
  for (let key = 0; key < 100; key += 1) {
    for (let count = 0; count < BATCH - 1; count += 1) shared.take(`key-${key}`, clock.now());
  }
  await turn();
  expect(ledger.charged).toBe(0);
  const messages = await send([shared], 6 * PERIOD, 0.9);
  expect(ledger.charged).toBeLessThanOrEqual(messages / BATCH);
  expect(ledger.charged).toBeGreaterThanOrEqual(Math.floor(messages / BATCH));
  while (shared.take('a', clock.now()) === 0);
  await turn();
  const before = ledger.charged;
  for (let count = 0; count < 10_000; count += 1) shared.take('a', clock.now());
  await turn();
  expect(ledger.charged).toBe(before);
  expect(settled).not.toContain('failed');
});

test('what many keys have due goes as one settlement', async () => {
  const shared = node();
  for (let key = 0; key < 300; key += 1) {
    for (let count = 0; count < BATCH; count += 1) shared.take(`key-${key}`, clock.now());
  }
  await turn();
  expect(ledger.settlements).toBe(1);
  expect(ledger.charged).toBe(300);
});

test('without answers each node has the whole limit, and goes on with the others after that', async () => {
  ledger.away = true;
  const [one, two] = [node(), node()];
  for (const each of [one, two]) {
    let allowed = 0;
    while (each.take('a', clock.now()) === 0) {
      allowed += 1;
      await turn();
    }
    expect(allowed).toBe(LIMIT);
  }
  expect(new Set(settled)).toEqual(new Set(['failed']));
  ledger.away = false;
  const allowed = await send([one, two], 12 * PERIOD, 3);
  expect(allowed).toBeGreaterThanOrEqual(11 * LIMIT);
  expect(allowed).toBeLessThanOrEqual(13 * LIMIT + 2 * BATCH + 1);
});

test('an answer that takes long blocks nobody, and counts from when it was asked', async () => {
  const shared = node();
  ledger.hold();
  for (let count = 0; count < LIMIT; count += 1) expect(shared.take('a', clock.now())).toBe(0);
  await turn();
  clock.advance(PERIOD / 2);
  for (let count = 0; count < LIMIT / 2; count += 1) expect(shared.take('a', clock.now())).toBe(0);
  ledger.release();
  await turn();
  clock.advance(PERIOD);
  expect(shared.take('a', clock.now())).toBe(0);
});

test('a limit of 0 is none, and keys are bounded', async () => {
  const none = node({ limit: 0 });
  for (let count = 0; count < 2000; count += 1) expect(none.take('a', clock.now())).toBe(0);
  const few = node({ maxKeys: 100, batch: 1, limit: 5 });
  for (let count = 0; count < 5000; count += 1) few.take(`key-${count}`, clock.now());
  expect(few.size).toBe(100);
  await turn();
  clock.advance(2 * PERIOD);
  few.take('later', clock.now());
  expect(few.size).toBe(1);
});
