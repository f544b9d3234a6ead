import type { Step } from './step.ts';

/** A small generator with a seed (mulberry32): the same trace each time. -> 0..1 */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface TraceOptions {
  readonly seed: number;
  readonly seconds: number;
  /** A new rate each so often. */
  readonly everyMs: number;
  /** The rate wanders between these, in steps of its logarithm. */
  readonly leastBps: number;
  readonly mostBps: number;
  /** Half the widest step, as a share of the whole range. */
  readonly wander: number;
  /** Mean time between two pauses in which nothing passes, and how long they are. */
  readonly pauseEverySeconds: number;
  readonly pauseMs: readonly [number, number];
  /** Mean time between two fades, their length, and the share of the rate that is left in one. */
  readonly fadeEverySeconds: number;
  readonly fadeMs: number;
  readonly fadeShare: number;
}

/**
 * Wi-Fi at the far end of a flat: the rate control of the radio between 6 and 40 Mbit/s, pauses of
 * 20 to 120 ms about every second and a half (other stations, retries, scans), and a neighbour that
 * takes most of the air for one second about every ten.
 */
export const wifi: Omit<TraceOptions, 'seconds'> = {
  seed: 802,
  everyMs: 200,
  leastBps: 6e6,
  mostBps: 40e6,
  wander: 0.12,
  pauseEverySeconds: 1.5,
  pauseMs: [20, 120],
  fadeEverySeconds: 10,
  fadeMs: 1000,
  fadeShare: 0.25,
};

/**
 * LTE in a moving car: the scheduler's share between 2 and 30 Mbit/s, each half second anew, a
 * handover of 50 to 200 ms about every ten seconds, and a fade to a third for two seconds about
 * every fifteen. The queue at the tower is deep; see the scenario.
 */
export const lte: Omit<TraceOptions, 'seconds'> = {
  seed: 36_300,
  everyMs: 500,
  leastBps: 2e6,
  mostBps: 30e6,
  wander: 0.2,
  pauseEverySeconds: 10,
  pauseMs: [50, 200],
  fadeEverySeconds: 15,
  fadeMs: 2000,
  fadeShare: 0.33,
};

/** Steps of the way to the viewer. */
export function trace(options: TraceOptions): Step[] {
  const random = randomOf(options.seed);
  const { seconds, everyMs, leastBps, mostBps, wander, fadeShare } = options;
  const chance = (meanSeconds: number): boolean => random() < everyMs / 1000 / meanSeconds;
  const range = Math.log(mostBps / leastBps);
  const steps: Step[] = [];
  let place = 0.6;
  let fadesUntil = 0;
  for (let atMs = 0; atMs < seconds * 1000; atMs += everyMs) {
    place = Math.min(1, Math.max(0, place + (random() * 2 - 1) * wander));
    if (atMs >= fadesUntil && chance(options.fadeEverySeconds)) fadesUntil = atMs + options.fadeMs;
    const share = atMs < fadesUntil ? fadeShare : 1;
    const rateBps = Math.round(leastBps * Math.exp(place * range) * share);
    steps.push({ atMs, direction: 'down', rateBps });
    if (!chance(options.pauseEverySeconds)) continue;
    const [least, most] = options.pauseMs;
    const pause = least + random() * (most - least);
    steps.push({ atMs: atMs + 1, direction: 'both', state: 'hold' });
    steps.push({ atMs: atMs + 1 + Math.round(pause), direction: 'both', state: 'up' });
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}
