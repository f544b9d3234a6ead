import type { Burst } from '@peerdeck/native-capture';
import { DelayDetector } from './delay-detector.ts';

/** Its clock has another zero. */
const OFFSET_MS = 100_000;

function burst(sentMs: number, delayMs: number): Burst {
  return {
    ...{ sentMs, sentSpanMs: 0, arrivalMs: sentMs + delayMs + OFFSET_MS, arrivalSpanMs: 1 },
    ...{ delayMs: delayMs + OFFSET_MS, bytes: 1200, tailBytes: 0, packets: 1, lost: 0 },
  };
}

/** Frames at 60 a second, in reports of four. */
function feed(detector: DelayDetector, from: number, delays: readonly number[]): void {
  for (let at = 0; at < delays.length; at += 4) {
    const report = delays.slice(at, at + 4);
    detector.take(report.map((delay, index) => burst(from + (at + index) * 16, delay)));
  }
}

const repeat = (count: number, delay: (index: number) => number) =>
  Array.from({ length: count }, (_unused, index) => delay(index));

it('says nothing before anything was sent', () => {
  expect(new DelayDetector().standingMs).toBeUndefined();
});

it('sees a queue that all have met, and not one that some have', () => {
  const detector = new DelayDetector();
  feed(
    detector,
    0,
    repeat(120, (index) => (index % 3 === 0 ? 20 : 24)),
  );
  expect(detector.standingMs).toBeLessThan(1);
  feed(
    detector,
    2000,
    repeat(8, () => 50),
  );
  expect(detector.standingMs).toBeCloseTo(30);
  expect(detector.standingMs).toBeGreaterThan(detector.thresholdMs);
});

it('takes no time for a queue that comes suddenly', () => {
  const detector = new DelayDetector();
  feed(
    detector,
    0,
    repeat(120, () => 20),
  );
  detector.take([burst(2000, 80)]);
  expect(detector.standingMs).toBeCloseTo(60);
});

it('asks for more where the path jitters, and is not led by its rare exceptions', () => {
  const detector = new DelayDetector();
  feed(
    detector,
    0,
    repeat(240, (index) => (index === 50 ? 5 : 20 + ((index * 7) % 20))),
  );
  expect(detector.thresholdMs).toBeGreaterThan(15);
  expect(detector.standingMs).toBeLessThan(detector.thresholdMs);
});

it('forgets a base after half a minute, for clocks drift', () => {
  const detector = new DelayDetector();
  feed(
    detector,
    0,
    repeat(60, () => 20),
  );
  feed(
    detector,
    1000,
    repeat(32 * 60, () => 30),
  );
  expect(detector.standingMs).toBeLessThan(1);
});

it('begins anew from what a new path shows', () => {
  const detector = new DelayDetector();
  feed(
    detector,
    0,
    repeat(120, () => 20),
  );
  feed(
    detector,
    2000,
    repeat(12, () => 110),
  );
  detector.rebase();
  feed(
    detector,
    2200,
    repeat(12, () => 110),
  );
  expect(detector.standingMs).toBeCloseTo(0);
});
