import type { Burst } from '@peerdeck/native-capture';
import { Capacity } from './capacity.ts';

/** A frame of ten packets that left at once and passed a bottleneck of so many bit/s. */
function frame(atMs: number, bps: number, change: Partial<Burst> = {}): Burst {
  const tailBytes = 9 * 1200;
  const arrivalSpanMs = (tailBytes * 8000) / bps;
  return {
    ...{ sentMs: atMs, sentSpanMs: 0, arrivalMs: atMs + 20, arrivalSpanMs, delayMs: 20 },
    ...{ bytes: 12_000, tailBytes, packets: 10, lost: 0 },
    ...change,
  };
}

const frames = (count: number, bps: number, from = 0) =>
  Array.from({ length: count }, (_unused, index) => frame(from + index * 16, bps));

it('reads what a bottleneck carries out of frames that do not fill it', () => {
  const capacity = new Capacity();
  capacity.take(frames(20, 8e6));
  expect(capacity.trainsBps(0)).toBeCloseTo(8e6, -4);
  expect(capacity.receiveBps).toBeLessThan(8e6);
});

it('follows a change within a quarter of a second, and the newest report at once', () => {
  const capacity = new Capacity();
  capacity.take(frames(60, 8e6));
  capacity.take(frames(4, 2e6, 1000));
  expect(capacity.newestTrainsBps(0)).toBeCloseTo(2e6, -4);
  capacity.take(frames(12, 2e6, 1064));
  expect(capacity.trainsBps(0)).toBeCloseTo(2e6, -4);
});

it('says nothing where jitter makes the length of a train, or trains differ', () => {
  const capacity = new Capacity();
  capacity.take(frames(20, 8e6));
  expect(capacity.trainsBps(20)).toBeUndefined();
  const uneven = new Capacity();
  uneven.take(
    Array.from({ length: 16 }, (_unused, at) => frame(at * 16, at % 2 === 0 ? 2e6 : 40e6)),
  );
  expect(uneven.trainsBps(0)).toBeUndefined();
});

it('says nothing of packets that did not leave together', () => {
  const capacity = new Capacity();
  capacity.take(frames(20, 8e6).map((one) => ({ ...one, sentSpanMs: one.arrivalSpanMs })));
  expect(capacity.trainsBps(0)).toBeUndefined();
});

it('leaves the pause of a radio out of what arrives', () => {
  const steady = new Capacity();
  steady.take(frames(15, 40e6));
  expect(steady.pauseMs).toBe(0);
  const paused = new Capacity();
  paused.take([...frames(7, 40e6), ...frames(8, 40e6, 7 * 16 + 80)]);
  expect(paused.pauseMs).toBeCloseTo(80);
  expect((paused.receiveBps ?? 0) / (steady.receiveBps ?? 1)).toBeCloseTo(1, 1);
});
