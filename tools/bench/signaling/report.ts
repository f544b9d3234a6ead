import type { Computer } from '../machine.ts';
import { table } from '../table.ts';
import type { Figures, Sizes } from './scenarios.ts';
import type { SubjectName } from './subjects.ts';

export interface Result {
  readonly name: SubjectName;
  readonly title: string;
  readonly median: Figures;
  readonly runs: readonly Figures[];
  /** Why there are no figures. */
  readonly failed?: string;
}

export interface Report {
  readonly machine: Computer;
  /** Share of the CPUs in use by others before the first run. */
  readonly othersLoad: number;
  /** The cores that processes were kept to. */
  readonly pins: { readonly load: number | null; readonly servers: number | null };
  readonly runs: number;
  readonly sizes: Sizes;
  readonly results: readonly Result[];
}

/** Resident memory after many came and left, by that after a sixth of them. */
export const MAX_CHURN_RATIO = 1.1;

/** What each figure is held against: 1 is the bare relay of the same run. */
export const aims: Partial<Record<SubjectName, Record<string, string>>> = {
  v2: { ratio: '≥ 0.65', cpuUs: '≤ 30', pacedP50: '≤ 0.5', idleKb: '≤ 10', connectsPerSecond: '≥ 2000', connectErrors: '0' },
  original: { ratio: '≥ 0.65', cpuUs: '≤ 30', pacedP50: '≤ 0.5', idleKb: '≤ 10', connectsPerSecond: '≥ 2000', connectErrors: '0' },
  'v2-redis': { cpuUs: '≤ 30', redisCommands: '≤ 0.05', pacedP50: '≤ 0.5' },
  'v2-two-nodes': { cpuUs: '≤ 45', redisCommands: '≤ 1.05', pacedP50: '≤ 0.8' },
}; // prettier-ignore

interface Column {
  readonly head: string;
  readonly key: string;
  readonly digits: number;
}

const relayColumns: readonly Column[] = [
  { head: 'messages/s', key: 'perSecond', digits: 0 },
  { head: 'of bare ws', key: 'ratio', digits: 2 },
  { head: 'CPU µs/message', key: 'cpuUs', digits: 1 },
  { head: '8 in flight: messages/s', key: 'batchedPerSecond', digits: 0 },
  { head: 'of bare ws', key: 'batchedRatio', digits: 2 },
  { head: 'CPU µs', key: 'batchedCpuUs', digits: 1 },
  { head: 'paced: Redis commands/message', key: 'redisCommands', digits: 3 },
  { head: 'Redis CPU µs/message', key: 'redisCpuUs', digits: 1 },
  { head: 'paced p50 ms', key: 'pacedP50', digits: 2 },
  { head: 'p99 ms', key: 'pacedP99', digits: 2 },
  { head: 'CPU µs', key: 'pacedCpuUs', digits: 1 },
  { head: 'lost', key: 'lost', digits: 0 },
];

const connectionColumns: readonly Column[] = [
  { head: 'connections/s', key: 'connectsPerSecond', digits: 0 },
  { head: 'CPU µs each', key: 'connectCpuUs', digits: 0 },
  { head: 'errors', key: 'connectErrors', digits: 0 },
  { head: 'KB RSS an idle connection', key: 'idleKb', digits: 1 },
  { head: 'RSS MB with all', key: 'idleRssMb', digits: 0 },
  { head: 'idle CPU, % of a core', key: 'idleCpuPercent', digits: 1 },
];

const churnColumns: readonly Column[] = [
  { head: `RSS after all / after a sixth (≤ ${MAX_CHURN_RATIO})`, key: 'churnRssRatio', digits: 3 },
  { head: 'RSS MB', key: 'churnRssMb', digits: 0 },
  { head: 'errors', key: 'churnErrors', digits: 0 },
];

/** The figures with those that only the bare relay of the same run gives a sense. */
export function related(report: Report): readonly Result[] {
  const bare = report.results.find(({ name }) => name === 'bare')?.median ?? {};
  return report.results.map((result) => {
    const { perSecond = NaN, batchedPerSecond = NaN } = result.median;
    const ratio = perSecond / (bare['perSecond'] ?? NaN);
    const batchedRatio = batchedPerSecond / (bare['batchedPerSecond'] ?? NaN);
    return { ...result, median: { ...result.median, ratio, batchedRatio } };
  });
}

function block(results: readonly Result[], columns: readonly Column[]): string {
  const rows = results
    .filter(
      ({ median, failed }) =>
        failed !== undefined || columns.some(({ key }) => Number.isFinite(median[key])),
    )
    .map(({ name, title, median, failed }) => [
      failed === undefined ? title : `${title}: not measured, ${failed}`,
      ...columns.map(({ key, digits }) => {
        const value = median[key];
        if (value === undefined || Number.isNaN(value)) return '–';
        const aim = aims[name]?.[key];
        return `${value.toFixed(digits)}${aim === undefined ? '' : ` (${aim})`}`;
      }),
    ]);
  return rows.length === 0 ? '' : table(['(aim)', ...columns.map(({ head }) => head)], rows);
}

export function tables(report: Report): string {
  const { machine, pins, runs, sizes } = report;
  const results = related(report);
  const where =
    pins.load === null
      ? 'no process is kept to a core (taskset is not there, or there is one core)'
      : `servers and Redis on core ${pins.servers}, the load on core ${pins.load} (taskset)`;
  return [
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}; ${where}.`,
    `Medians of ${runs} runs of ${sizes.seconds} s; ${sizes.rooms} rooms of two, ${sizes.bytes} B a message; ` +
      `paced: ${sizes.perSecond} messages/s; ${sizes.connections} connections at once, ${sizes.idleConnections} idle.`,
    block(results, relayColumns),
    block(results, connectionColumns),
    block(results, churnColumns),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}
