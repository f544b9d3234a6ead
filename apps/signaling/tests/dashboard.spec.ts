import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { describeMetrics, seriesOf } from '../src/docs/metrics-docs.ts';

/*
 * The dashboard and the alert rules as files: what Grafana and Prometheus expect of them, and that
 * they speak of what there is.
 */

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const read = (name: string) => readFileSync(path(name), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null }[] };
    };
  };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[];
  };
  readonly panels: readonly Panel[];
}

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Query {
  readonly where: string;
  readonly expression: string;
}

interface Queries {
  allQueries(): Query[];
  selectorsOf(expression: string): { metric: string; selector: string }[];
  substitute(text: string): string;
}

const dashboard = JSON.parse(read('deploy/grafana/dashboards/signaling.json')) as Dashboard;
const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const charts = dashboard.panels.filter(({ type }) => type !== 'row');
const queries = (await import(path('tools/deploy/queries.mjs'))) as Queries;

/** Of HAProxy's own exporter; seen at HAProxy 2.6. */
const HAPROXY = [
  'haproxy_backend_active_servers',
  'haproxy_backend_connection_errors_total',
  'haproxy_backend_response_errors_total',
  'haproxy_frontend_bytes_in_total',
  'haproxy_frontend_bytes_out_total',
  'haproxy_frontend_current_sessions',
  'haproxy_frontend_http_responses_total',
  'haproxy_server_current_sessions',
];

describe('the dashboard', () => {
  test('is what tools/deploy/dashboard.mjs writes', async () => {
    const { written } = (await import(path('tools/deploy/dashboard.mjs'))) as {
      written: () => Promise<string>;
    };
    expect(read('deploy/grafana/dashboards/signaling.json')).toBe(await written());
  });

  test('has what Grafana asks of one', () => {
    expect(dashboard).toMatchObject({
      uid: expect.stringMatching(/^[\w-]{1,40}$/) as string,
      title: 'Peerdeck signaling',
      schemaVersion: 39,
    });
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ]);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = charts.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(charts.length).toBeGreaterThan(30);
  });

  test('every panel says what it shows, in which unit, from which source', () => {
    for (const { title, type, description, datasource, fieldConfig, targets } of charts) {
      expect(['stat', 'timeseries', 'table']).toContain(type);
      expect([title, description]).toEqual([title, expect.stringMatching(/^\S.{15,}\.$/)]);
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      expect(fieldConfig?.defaults.unit).toMatch(/^\w+$/);
      const [base, ...steps] = fieldConfig?.defaults.thresholds?.steps ?? [];
      expect(base?.value).toBeNull();
      const values = steps.map(({ value }) => Number(value));
      expect(values).toEqual([...values].sort((a, b) => a - b));
      const refs = targets?.map(({ refId }) => refId) ?? [];
      expect(refs.length).toBeGreaterThan(0);
      expect(new Set(refs).size).toBe(refs.length);
    }
  });

  test('no two panels overlap, and none leaves the grid', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + w).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          expect([title, taken.get(`${column} ${line}`)]).toEqual([title, undefined]);
          taken.set(`${column} ${line}`, title);
        }
      }
    }
  });
});

describe('queries and rules', () => {
  test('name metrics and labels that there are', async () => {
    const labels = new Map<string, ReadonlySet<string>>();
    for (const metric of await describeMetrics()) {
      const names = [...metric.labels.keys(), 'job', 'instance', 'le'];
      for (const series of seriesOf(metric)) labels.set(series, new Set(names));
    }
    for (const { record } of rules) if (record !== undefined) labels.set(record, new Set(['job']));
    labels.set('up', new Set(['job', 'instance']));
    for (const name of HAPROXY) labels.set(name, new Set(['job']));
    for (const { where, expression } of queries.allQueries()) {
      for (const { metric, selector } of queries.selectorsOf(expression)) {
        expect([where, metric, labels.has(metric)]).toEqual([where, metric, true]);
        for (const [, label = ''] of selector.matchAll(/[{,](\w+)[=!]/g)) {
          expect([where, metric, label, labels.get(metric)?.has(label)]).toEqual([
            ...[where, metric, label],
            true,
          ]);
        }
      }
    }
  });

  test('selectors are found wherever they stand', () => {
    const found = (text: string) => queries.selectorsOf(text).map(({ selector }) => selector);
    expect(
      found(
        'sum by (job, le) (rate(a_bucket{x="} b{", y=~"c|d"}[5m])) / on (job) group_left b > 0.5e3',
      ),
    ).toEqual(['a_bucket{x="} b{",y=~"c|d"}', 'b']);
    expect(found('count(x:y:z == 0) or vector(0) and sum(c) without (d) # e')).toEqual([
      'x:y:z',
      'c',
    ]);
    expect(queries.substitute('a{b=~"$instance"}[$__range] + ${instance:regex}')).toBe(
      'a{b=~".*"}[1h] + .*',
    );
    expect(() => queries.substitute('$nobody')).toThrow('$nobody');
  });
});

describe('alerts', () => {
  test('say how bad it is, what it is, and what to do', () => {
    const runbook = read('docs/operations.md').split('\n');
    expect(alerts.length).toBeGreaterThan(20);
    for (const { alert = '', labels, annotations } of alerts) {
      expect(['critical', 'warning']).toContain(labels?.['severity']);
      expect(annotations?.['summary']).toMatch(/^[A-Z].{10,}[^.]$/);
      expect(annotations?.['description']).toMatch(/\.$/);
      expect(annotations?.['runbook_url']).toBe(`docs/operations.md#${alert.toLowerCase()}`);
      const heading = runbook.indexOf(`### ${alert}`);
      expect([alert, heading]).not.toEqual([alert, -1]);
      expect(runbook[heading + 2]).toMatch(/^\S.{40,}\.$/);
    }
    const headings = runbook.filter((line) => /^### (Signaling|Proxy)/.test(line));
    expect(headings).toEqual(alerts.map(({ alert }) => `### ${alert}`));
  });
});
