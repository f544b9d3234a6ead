import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

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

const dashboard = JSON.parse(read('deploy/grafana/dashboards/signaling.json')) as Dashboard;
const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const charts = dashboard.panels.filter(({ type }) => type !== 'row');

describe('the dashboard', () => {
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
