import { percentile, sum } from '@peerdeck/harness/statistics';
import type { Record } from './record.ts';
import type { Turn } from './step.ts';

/** A gap between two presented pictures that a person sees as a freeze. */
export const FREEZE_MS = 100;
/** A picture that comes later than the bare way takes by so much is late. */
export const LATE_MS = 100;
/** After a fall: the queue's median wait in a second without a freeze. */
export const CALM_WAIT_MS = 50;
/** After an outage or on a new path: the share of the rate before it that has to be there too. */
export const KEPT_SHARE = 0.5;
/** After a rise: the share of the link in use over half a second. */
export const REFILLED_SHARE = 0.8;

export interface Figures {
  /** Paint on the X server -> presented by the browser, ms. */
  glassP50: number;
  glassP95: number;
  /** Share of the presented paints that came late, and of all paints that were presented. */
  lateShare: number;
  shownShare: number;
  fps: number;
  /** Wait of the packets to the viewer in the bottleneck's queue, their own sending included, ms. */
  queueP50: number;
  queueP95: number;
  /** Of what the link could have carried to the viewer, by all who sent. */
  usedShare: number;
  /** Of our video, as the browser received it. */
  kbps: number;
  otherKbps: number;
  freezes: number;
  longestGapMs: number;
  frozenMs: number;
  /** From a fall, an outage's end or a new path to the first calm second, the slowest; NaN: none. */
  recoveryMs: number;
  /** From a rise until the link is in use again, the slowest. */
  refillMs: number;
  /** Packets that the full queue dropped on the way to the viewer, and those lost behind it. */
  overflowed: number;
  lost: number;
  keyFrames: number;
  qp: number;
  /** Decisions a minute that took rate away. */
  cutsPerMinute: number;
  lateP99Us: number;
  /** Of all the machine's cores. */
  busyShare: number;
}

export interface Gap {
  readonly fromUs: number;
  readonly toUs: number;
}

/** The times without a new picture, longer than a freeze; the edges of the measured time count. */
export function freezes({ frames, startUs, endUs }: Record): Gap[] {
  const times = frames.map(({ us }) => us).filter((us) => us > startUs && us < endUs);
  const all = [startUs, ...times, endUs];
  return all.flatMap((toUs, i) => {
    const fromUs = all[i - 1];
    return fromUs !== undefined && toUs - fromUs > FREEZE_MS * 1000 ? [{ fromUs, toUs }] : [];
  });
}

/**
 * -> milliseconds from the turn to the start of the first calm second; Infinity: none. Where the
 * link can carry what it carried before, a rate that stays down is no recovery.
 */
export function recovery(record: Record, turn: Turn): number {
  const from = record.startUs + turn.atMs * 1000;
  const gaps = freezes(record);
  const seconds = turn.atMs / 1000;
  const kept = turn.kind === 'fall' || seconds === 0 ? 0 : KEPT_SHARE;
  const wanted = kept && (kept * passed(record, record.startUs, from)) / seconds;
  for (let at = from; at + 1e6 <= record.endUs; at += 100_000) {
    const to = at + 1e6;
    if (gaps.some(({ fromUs, toUs }) => toUs > at && fromUs < to)) continue;
    if (passed(record, at, to) < wanted) continue;
    if (percentile(waits(record, at, to), 0.5) < CALM_WAIT_MS) return (at - from) / 1000;
  }
  return Infinity;
}

/** -> milliseconds from the turn to the end of the first half second that fills the link. */
export function refill(record: Record, turn: Turn): number {
  const from = record.startUs + turn.atMs * 1000;
  const after = record.intervals.filter(({ us }) => us > from + 100_000);
  for (let i = 5; i <= after.length; i++) {
    const window = after.slice(i - 5, i).map(({ down }) => down);
    const out = sum(window.map(({ outBytes }) => outBytes));
    const end = window.length > 0 ? (after[i - 1]?.us ?? 0) : 0;
    if (out >= REFILLED_SHARE * sum(window.map(({ capacityBytes }) => capacityBytes)))
      return (end - from) / 1000;
  }
  return Infinity;
}

/** Bytes to the viewer in the time. */
function passed({ intervals }: Record, fromUs: number, toUs: number): number {
  const inside = intervals.filter(({ us }) => us > fromUs && us <= toUs);
  return sum(inside.map(({ down }) => down.outBytes));
}

/** Of the packets that left the queue to the viewer in the time, milliseconds. */
function waits({ intervals }: Record, fromUs: number, toUs: number): number[] {
  return intervals
    .filter(({ us }) => us > fromUs && us <= toUs)
    .flatMap(({ down }) => down.waitsUs.map((us) => us / 1000));
}

const worst = (values: number[]): number => (values.length === 0 ? NaN : Math.max(...values));

export function figuresOf(record: Record): Figures {
  const { startUs, endUs, frames, ways, turns } = record;
  const seconds = (endUs - startUs) / 1e6;
  const inside = record.intervals.filter(({ us }) => us > startUs && us <= endUs + 50_000);
  const down = inside.map((interval) => interval.down);
  const total = (pick: (side: (typeof down)[number]) => number): number => sum(down.map(pick));
  const delayAt = (us: number): number =>
    ways.findLast(({ atMs }) => startUs + atMs * 1000 <= us)?.delayMs ?? 0;
  const shown = frames.flatMap(({ us, glassMs }) =>
    glassMs === null || us - glassMs * 1000 < startUs || us - glassMs * 1000 > endUs
      ? []
      : [{ us, glassMs }],
  );
  const glass = shown.map(({ glassMs }) => glassMs);
  const late = shown.filter(({ us, glassMs }) => glassMs > delayAt(us) + LATE_MS);
  const queue = waits(record, startUs, endUs);
  const gaps = freezes(record);
  const lengths = gaps.map(({ fromUs, toUs }) => (toUs - fromUs) / 1000);
  const rises = turns.filter(({ kind }) => kind === 'rise');
  const others = turns.filter(({ kind }) => kind !== 'rise');
  const during = record.decisions.filter(({ us }) => us > startUs && us <= endUs);
  const before = record.decisions.findLast(({ us }) => us <= startUs);
  const cuts = during.filter(({ bitrateBps }, i) => {
    return bitrateBps < (during[i - 1] ?? before ?? { bitrateBps: 0 }).bitrateBps;
  });
  return {
    glassP50: percentile(glass, 0.5),
    glassP95: percentile(glass, 0.95),
    lateShare: late.length / Math.max(1, shown.length),
    shownShare: shown.length / Math.max(1, record.paints),
    fps: frames.filter(({ us }) => us > startUs && us <= endUs).length / seconds,
    queueP50: percentile(queue, 0.5),
    queueP95: percentile(queue, 0.95),
    usedShare: total((side) => side.outBytes) / total((side) => side.capacityBytes),
    kbps: (record.video.bytes * 8) / 1000 / seconds,
    otherKbps:
      record.otherBytes === undefined
        ? (total((side) => side.outTcpBytes) * 8) / 1000 / seconds
        : (record.otherBytes * 8) / 1000 / seconds,
    freezes: gaps.length,
    longestGapMs: Math.max(0, ...lengths),
    frozenMs: sum(lengths),
    recoveryMs: worst(others.map((turn) => recovery(record, turn))),
    refillMs: worst(rises.map((turn) => refill(record, turn))),
    overflowed: total((side) => side.overflowed),
    lost: total((side) => side.lost),
    keyFrames: record.video.keyFrames,
    qp: record.video.qp,
    cutsPerMinute: (cuts.length / seconds) * 60,
    lateP99Us: record.lateness?.lateP99Us ?? NaN,
    busyShare: record.busyShare,
  };
}
