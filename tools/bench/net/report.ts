import { median } from '@peerdeck/harness/statistics';
import { table } from '../table.ts';
import type { Figures } from './figures.ts';

/** The runs of one scenario with one kind of host. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly runs: readonly Figures[];
}

/** Infinity (never, in the time measured) counts as the largest; what does not apply stays NaN. */
export function medians(runs: readonly Figures[]): Figures {
  const keys = Object.keys(runs[0] ?? {}) as (keyof Figures)[];
  const entries = keys.map((key) => [key, median(runs.map((run) => run[key]))] as const);
  return Object.fromEntries(entries) as unknown as Figures;
}

const whole = (value: number): string => (Number.isFinite(value) ? value.toFixed(0) : '–');
const share = (value: number): string => (Number.isFinite(value) ? (value * 100).toFixed(0) : '–');
const seconds = (ms: number): string =>
  ms === Infinity ? 'never' : Number.isNaN(ms) ? '' : (ms / 1000).toFixed(1);

const head = [
  'scenario', 'glass to glass p50', 'p95', 'late %', 'queue p50', 'p95', 'link used %', 'freezes',
  'longest', 'fps', 'recovered s', 'refilled s', 'overflowed', 'cuts/min', 'kbit/s', 'other kbit/s',
  'QP', 'CPU %',
]; // prettier-ignore

/** Medians of the runs, as Markdown. */
export function reportTable(rows: readonly Row[]): string {
  return table(
    head,
    rows.map(({ title, runs }) => {
      const m = medians(runs);
      return [
        title, whole(m.glassP50), whole(m.glassP95), share(m.lateShare), whole(m.queueP50),
        whole(m.queueP95), share(m.usedShare), whole(m.freezes), whole(m.longestGapMs),
        whole(m.fps), seconds(m.recoveryMs), seconds(m.refillMs), whole(m.overflowed),
        whole(m.cutsPerMinute), whole(m.kbps), m.otherKbps > 50 ? whole(m.otherKbps) : '',
        m.qp > 0 ? m.qp.toFixed(0) : '–', share(m.busyShare),
      ]; // prettier-ignore
    }),
  );
}
