import { realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { ROWS } from './panels.mjs';

/*
 * Writes deploy/grafana/dashboards/signaling.json from panels.mjs: `node tools/deploy/dashboard.mjs`.
 * A test fails when the file disagrees.
 */

export const FILE = fileURLToPath(
  new URL('../../deploy/grafana/dashboards/signaling.json', import.meta.url),
);

/** Of Grafana 11. */
const SCHEMA_VERSION = 39;
const COLUMNS = 24;
const HEIGHT = 8;
const STAT_HEIGHT = 4;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };

/** The dashboard as Grafana reads it. */
export function dashboard() {
  return {
    uid: 'peerdeck-signaling',
    title: 'Peerdeck signaling',
    description:
      'The signaling service: service levels, traffic, refusals, Redis, processes, proxy.',
    tags: ['peerdeck'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables() },
    annotations: { list: [] },
    links: [],
    panels: layOut(ROWS),
  };
}

/** What the file holds. */
export function written() {
  return format(JSON.stringify(dashboard()), { parser: 'json', printWidth: 100 });
}

function variables() {
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    {
      name: 'instance',
      label: 'Instance',
      type: 'query',
      datasource: SOURCE,
      query: {
        query: 'label_values(signaling_build_info{job="signaling"}, instance)',
        refId: 'instance',
      },
      refresh: 2,
      sort: 1,
      multi: true,
      includeAll: true,
      allValue: '.*',
      current: { text: 'All', value: '$__all' },
    },
  ];
}

/** From left to right, and a new line where a panel does not fit or is of another height. */
function layOut(rows) {
  const panels = [];
  let y = 0;
  const add = (panel, gridPos) => panels.push({ id: panels.length + 1, ...panel, gridPos });
  for (const row of rows) {
    add(
      { type: 'row', title: row.title, collapsed: false, panels: [] },
      { x: 0, y, w: COLUMNS, h: 1 },
    );
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      const h = panel.type === 'stat' ? STAT_HEIGHT : HEIGHT;
      if (x + panel.width > COLUMNS || (x > 0 && h !== height)) {
        y += height;
        x = 0;
      }
      add(shown(panel), { x, y, w: panel.width, h });
      x += panel.width;
      height = h;
    }
    y += height;
  }
  return panels;
}

function shown({ type, title, description, unit, decimals, thresholds, lines, queries }) {
  const steps = thresholds ?? [{ color: 'green', value: null }];
  return {
    type,
    title,
    description,
    datasource: SOURCE,
    fieldConfig: {
      defaults: {
        unit,
        ...(decimals === undefined ? {} : { decimals }),
        min: type === 'timeseries' ? 0 : undefined,
        thresholds: { mode: 'absolute', steps },
        ...(type === 'timeseries' ? { custom: drawn(lines) } : {}),
      },
      overrides: [],
    },
    options: OPTIONS[type],
    ...(type === 'table' ? { transformations: TABLE } : {}),
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: SOURCE,
      expr,
      legendFormat,
      ...(type === 'table' ? { format: 'table', instant: true } : {}),
    })),
  };
}

const drawn = (lines = false) => ({
  lineWidth: 1,
  fillOpacity: 8,
  showPoints: 'never',
  thresholdsStyle: { mode: lines ? 'line' : 'off' },
});

const OPTIONS = {
  stat: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'background',
    graphMode: 'area',
    textMode: 'auto',
  },
  timeseries: {
    legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  table: { showHeader: true },
};

/** Of all that the series has, what tells the nodes apart. */
const TABLE = [
  {
    id: 'filterFieldsByName',
    options: { include: { names: ['instance', 'node', 'version'] } },
  },
];

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) {
  writeFileSync(FILE, await written());
}
