import { humanizeValue } from './units.ts';

interface SummaryMetric {
  readonly type: string;
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

export interface SummaryData {
  readonly metrics: Readonly<Record<string, SummaryMetric>>;
  readonly state: { readonly testRunDurationMs: number };
}

/** What a Trend is summed up by. */
export const TREND_STATS = ['count', 'avg', 'p(50)', 'p(95)', 'p(99)', 'max'];

const SHOWN = /^(signaling_|checks|ws_msgs_|ws_connecting|iterations|dropped_iterations)/;

/** One line for each metric, with the thresholds it has; and the whole as JSON. */
export function summarize(scenario: string, data: SummaryData, file: string | undefined) {
  const rows = Object.entries(data.metrics)
    .filter(([name]) => SHOWN.test(name))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, metric]) => [name, describe(metric), verdict(metric)]);
  const width = Math.max(...rows.map(([name = '']) => name.length));
  const lines = rows.map(([name = '', text, mark]) => `  ${name.padEnd(width)}  ${text}${mark}`);
  const seconds = (data.state.testRunDurationMs / 1000).toFixed(1);
  return {
    stdout: `\n${scenario}, ${seconds} s\n${lines.join('\n')}\n`,
    ...(file === undefined ? {} : { [file]: JSON.stringify({ scenario, ...data }, null, 1) }),
  };
}

function describe({ type, contains, values }: SummaryMetric): string {
  const shown = (name: string) => humanizeValue(values[name] ?? 0, contains);
  switch (type) {
    case 'trend':
      return TREND_STATS.filter((name) => values[name] !== undefined)
        .map((name) => `${name} ${name === 'count' ? String(values[name]) : shown(name)}`)
        .join('  ');
    case 'rate':
      return `${((values['rate'] ?? 0) * 100).toFixed(2)} %  (${values['passes'] ?? 0} yes, ${values['fails'] ?? 0} no)`;
    case 'counter':
      return `${values['count'] ?? 0}  (${(values['rate'] ?? 0).toFixed(1)}/s)`;
    default:
      return shown('value');
  }
}

function verdict({ thresholds }: SummaryMetric): string {
  return Object.entries(thresholds ?? {})
    .map(([text, { ok }]) => `  ${ok ? 'ok' : 'FAILED'}: ${text}`)
    .join('');
}
