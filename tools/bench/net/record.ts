import type { SeenFrame } from '@peerdeck/harness/page/reader';
import type { Interval, Lateness } from './shaper-log.ts';
import type { Turn, Way } from './step.ts';

/** What the host agent told its encoder, as its log has it. */
export interface Decision {
  readonly us: number;
  readonly bitrateBps: number;
  readonly reason: string;
  readonly fps: number;
  readonly scale: number;
}

export interface ShownFrame {
  /** The tick in which the browser presented it. */
  readonly us: number;
  /** From its paint on the X server; null: its code could not be read, or was shown before. */
  readonly glassMs: number | null;
}

/** One run of a scenario; times are CLOCK_MONOTONIC, microseconds. */
export interface Record {
  readonly startUs: number;
  readonly endUs: number;
  /** Paints within the time measured. */
  readonly paints: number;
  readonly frames: readonly ShownFrame[];
  readonly intervals: readonly Interval[];
  readonly lateness: Lateness | undefined;
  readonly decisions: readonly Decision[];
  readonly ways: readonly (Way & { atMs: number })[];
  readonly turns: readonly Turn[];
  /** By the browser's reports over the time measured. */
  readonly video: {
    readonly bytes: number;
    readonly packetsLost: number;
    readonly nacks: number;
    readonly keyFrames: number;
    /** Mean quantizer of the decoded pictures, 0 (finest) to 51. */
    readonly qp: number;
  };
  /** Of all the machine's cores: at 1 a run measures them, not the network. */
  readonly busyShare: number;
  /** What the second Peerdeck's viewer got. */
  readonly otherBytes: number | undefined;
}

/** The lines of the host agent's log that say `rate`. */
export function parseDecisions(log: string, epochToUs: (ms: number) => number): Decision[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.includes('"rate"')) return [];
    const { msg, time, ...entry } = JSON.parse(line) as Decision & { msg: string; time: number };
    if (msg !== 'rate') return [];
    const { bitrateBps, reason, fps, scale } = entry;
    return [{ us: epochToUs(time), bitrateBps, reason, fps, scale }];
  });
}

/** A paint's first presentation has its time from glass to glass; what shows it again has none. */
export function shownFrames(
  frames: readonly Pick<SeenFrame, 'now' | 'paint'>[],
  painted: ReadonlyMap<number, number>,
  toMonotonicUs: (pageMs: number) => number,
): ShownFrame[] {
  const seen = new Set<number>();
  return frames.map(({ now, paint }) => {
    const us = toMonotonicUs(now);
    const paintedUs = paint === null || seen.has(paint) ? undefined : painted.get(paint);
    if (paint !== null) seen.add(paint);
    return { us, glassMs: paintedUs === undefined ? null : (us - paintedUs) / 1000 };
  });
}
