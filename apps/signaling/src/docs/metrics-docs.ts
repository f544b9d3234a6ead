import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { RedisMetrics } from '../bus/redis/metrics.ts';
import { LimitMetrics } from '../limits/limit-metrics.ts';
import { Metrics } from '../metrics/metrics.ts';
import { TurnMetrics } from '../turn/turn-metrics.ts';

/*
 * The list of all metrics, made from the registry. `nx run signaling:docs` writes it; a test
 * fails when the file in the repository disagrees.
 */

export const METRICS_MANUAL = fileURLToPath(
  new URL('../../../../docs/metrics.md', import.meta.url),
);

const BEGIN = '<!-- metrics: made by `nx run signaling:docs` -->';
const END = '<!-- metrics: end -->';

export interface DescribedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Names, each with the values that it has from the start. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
}

/** Every metric that a node with Redis has, in the order of the documentation. */
export async function describeMetrics(): Promise<DescribedMetric[]> {
  const { registry } = new Metrics(
    {
      build: { version: '', node: '' },
      maximum: { connections: 0, pending: 0 },
      connections: () => ({ original: 0, v2: 0 }),
      pending: () => 0,
      tcp: () => 0,
      unsent: () => ({ total: 0, largest: 0 }),
      unfinished: () => 0,
      rooms: () => ({ rooms: { original: 0, v2: 0 }, members: { connected: 0, detached: 0 } }),
      ready: () => true,
      draining: () => false,
    },
    true,
  );
  new TurnMetrics(registry);
  new LimitMetrics(registry, () => 0);
  new RedisMetrics(registry, { breaker: () => 'closed', ready: () => true });
  const described = (await registry.getMetricsAsJSON()).map((metric) => ({
    name: metric.name,
    type: String(metric.type),
    help: metric.help,
    labels: labelsOf(metric, registry),
  }));
  return described.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/** Ours first: what a process of Node has is known from elsewhere. */
function rank({ name }: { name: string }): number {
  return name.startsWith('signaling_redis') ? 1 : name.startsWith('signaling') ? 0 : 2;
}

function labelsOf(
  metric: MetricObjectWithValues<MetricValue<string>>,
  registry: Registry,
): Map<string, string[]> {
  const names = (registry.getSingleMetric(metric.name) as { labelNames?: string[] }).labelNames;
  const labels = new Map((names ?? []).map((name) => [name, new Set<string>()]));
  for (const value of metric.values) {
    for (const [name, text] of Object.entries(value.labels)) labels.get(name)?.add(String(text));
  }
  return new Map([...labels].map(([name, values]) => [name, [...values].filter(Boolean)]));
}

/** One row per metric. */
export function metricsTable(metrics: readonly DescribedMetric[]): string {
  const rows = metrics.map(({ name, type, help, labels }) => {
    const ours = name.startsWith('signaling_');
    const shown = [...labels].map(([label, values]) =>
      ours && values.length > 0 ? `\`${label}\` (${values.join(', ')})` : `\`${label}\``,
    );
    return `| \`${name}\` | ${type} | ${shown.join('; ')} | ${help} |`;
  });
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** `manual` with the table of now. Throws if it has no place for one. */
export async function withMetricsTable(manual: string): Promise<string> {
  const begin = manual.indexOf(BEGIN);
  const end = manual.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${METRICS_MANUAL} lacks ${BEGIN} … ${END}`);
  const table = metricsTable(await describeMetrics());
  return `${manual.slice(0, begin)}${BEGIN}\n\n${table}\n\n${manual.slice(end)}`;
}

/** Names of the series that Prometheus makes of a metric. */
export function seriesOf({ name, type }: Pick<DescribedMetric, 'name' | 'type'>): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) {
  writeFileSync(METRICS_MANUAL, await withMetricsTable(readFileSync(METRICS_MANUAL, 'utf8')));
}
