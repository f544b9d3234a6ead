import type { Step } from './step.ts';
import { lte, trace, wifi } from './trace.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** From the first packet on. */
  readonly link: readonly Step[];
  /** Begins with the measured time, when content has run for a while. */
  script(seconds: number): Step[];
  readonly seconds: number;
  /** The desktop rests for so long before the measured time. */
  readonly stillSeconds?: number;
  /** It turns all the time: no turn of it is answered before the next comes. */
  readonly restless?: boolean;
  /** Who else sends over the same bottleneck from the warm-up on. */
  readonly beside?: 'tcp' | 'peerdeck';
}

const Mbit = 1e6;
/** Of the way back: it never fills. */
const uplink = { direction: 'up', rateBps: 20 * Mbit, queueBytes: 500_000 } as const;

/** A queue that takes `ms` at this rate to empty. */
const queueOf = (rateBps: number, ms: number): number =>
  Math.max(3000, Math.round((rateBps / 8000) * ms));

/** A rate with its queue, 200 ms deep where nothing else is said. */
function rate(atMs: number, rateBps: number, queueMs = 200): Step {
  return { atMs, direction: 'down', rateBps, queueBytes: queueOf(rateBps, queueMs) };
}

function link(rateBps: number, more: Partial<Step> = {}, queueMs = 200): Step[] {
  const delay: Step = { atMs: 0, direction: 'both', delayMs: 20, ...more };
  return [{ atMs: 0, ...uplink }, rate(0, rateBps, queueMs), delay];
}

function steady(mbit: number): Scenario {
  return {
    name: `steady-${mbit}`,
    title: `steady ${mbit} Mbit/s`,
    link: link(mbit * Mbit),
    script: () => [],
    seconds: 30,
  };
}

function onto(name: string, title: string, more: Partial<Step>, mbit = 20): Scenario {
  const base = link(mbit * Mbit, more);
  return { name, title, link: base, script: () => [], seconds: 30 };
}

function blackout(seconds: number): Scenario {
  return {
    name: `blackout-${seconds}`,
    title: `nothing passes for ${seconds} s, 20 Mbit/s`,
    link: link(20 * Mbit),
    script: (all) => [
      { atMs: (all * 1000) / 3, direction: 'both', state: 'drop' },
      { atMs: (all * 1000) / 3 + seconds * 1000, direction: 'both', state: 'up' },
    ],
    seconds: 30,
  };
}

/** One way 20 ms and a queue of 200 ms where the title says nothing else. */
export const scenarios: readonly Scenario[] = [
  {
    name: '8-2-8',
    title: '8 → 2 → 8 Mbit/s',
    link: link(8 * Mbit),
    script: (all) => [rate((all * 1000) / 3, 2 * Mbit), rate((all * 2000) / 3, 8 * Mbit)],
    seconds: 30,
  },
  {
    name: '20-4',
    title: '20 → 4 Mbit/s after a still minute',
    link: link(20 * Mbit),
    script: () => [rate(0, 4 * Mbit)],
    seconds: 20,
    stillSeconds: 60,
  },
  steady(2),
  steady(4),
  steady(8),
  onto('loss-2', '2 % random loss, 20 Mbit/s', { lossShare: 0.02 }),
  onto('loss-5', '5 % random loss, 20 Mbit/s', { lossShare: 0.05 }),
  onto('loss-10', '10 % random loss, 20 Mbit/s', { lossShare: 0.1 }),
  onto('burst-5', '5 % loss in bursts of 8 packets, 20 Mbit/s', { lossShare: 0.05, lossBurst: 8 }),
  onto('jitter-15', '15 ± 10 ms, 50 Mbit/s', { delayMs: 15, jitterMs: 10, jitterHoldMs: 5 }, 50),
  onto('jitter-50', '50 ± 20 ms, 50 Mbit/s', { delayMs: 50, jitterMs: 20, jitterHoldMs: 5 }, 50),
  blackout(1),
  blackout(5),
  {
    name: 'path-90',
    title: 'the way becomes 90 ms longer, 20 Mbit/s',
    link: link(20 * Mbit),
    script: (all) => [{ atMs: (all * 1000) / 3, direction: 'both', delayMs: 110 }],
    seconds: 40,
  },
  {
    ...steady(10),
    name: 'beside-tcp',
    title: 'a TCP download beside it, 10 Mbit/s',
    beside: 'tcp',
  },
  {
    ...steady(10),
    name: 'beside-peerdeck',
    title: 'a second Peerdeck beside it, 10 Mbit/s',
    beside: 'peerdeck',
  },
  {
    name: 'wifi',
    title: 'Wi-Fi trace, 6 to 40 Mbit/s',
    link: link(20 * Mbit, { delayMs: 5 }, 150),
    script: (seconds) => trace({ ...wifi, seconds }),
    restless: true,
    seconds: 60,
  },
  {
    name: 'lte',
    title: 'LTE trace, 2 to 30 Mbit/s',
    // a queue at the tower holds a fixed amount, not a time: 1.2 s at 2 Mbit/s
    link: [
      { atMs: 0, ...uplink, rateBps: 10 * Mbit },
      { atMs: 0, direction: 'down', rateBps: 12 * Mbit, queueBytes: 300_000 },
      { atMs: 0, direction: 'both', delayMs: 25, jitterMs: 4, jitterHoldMs: 5 },
    ],
    script: (seconds) => trace({ ...lte, seconds }),
    restless: true,
    seconds: 60,
  },
];
