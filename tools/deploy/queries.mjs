import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/*
 * What the dashboards and the alert rules ask of Prometheus.
 */

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
export const DASHBOARDS = `${DEPLOY}grafana/dashboards`;
export const ALERTS = `${DEPLOY}prometheus/alerts.yml`;

/** What Grafana puts in for its variables. `instance` is a regular expression there. */
const VARIABLES = {
  instance: '.*',
  __rate_interval: '1m',
  __interval: '15s',
  __range: '1h',
};

/**
 * Every query, with where it stands.
 *
 * @returns {{ where: string, expression: string }[]}
 */
export function allQueries() {
  return [...dashboardQueries(), ...ruleQueries()];
}

export function dashboardQueries(folder = DASHBOARDS) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.flatMap((file) => {
    const dashboard = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
    const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    const asked = panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ refId, expr }) => ({
        where: `${file}: "${panel.title}" ${refId}`,
        expression: substitute(expr),
      })),
    );
    const offered = (dashboard.templating?.list ?? [])
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({
        where: `${file}: variable ${name}`,
        expression: substitute(labelValues(query.query ?? query)),
      }));
    return [...offered, ...asked];
  });
}

export function ruleQueries(file = ALERTS) {
  const { groups } = parse(readFileSync(file, 'utf8'));
  return groups.flatMap(({ rules }) =>
    rules.map(({ alert, record, expr }) => ({
      where: `alerts.yml: ${alert ?? record}`,
      expression: expr,
    })),
  );
}

/** `text` as Grafana sends it. Throws for a variable that nobody defines. */
export function substitute(text) {
  return text.replaceAll(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (_whole, braced, plain) => {
    const name = braced ?? plain;
    if (!(name in VARIABLES)) throw new Error(`no value for $${name}: add it to VARIABLES`);
    return VARIABLES[name];
  });
}

function labelValues(query) {
  return /^label_values\((.*),\s*\w+\)$/.exec(query)?.[1] ?? query;
}

/** What may stand in an expression where a metric may, and is none. */
const WORDS = new Set([
  ...['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'start', 'end'],
  ...['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'],
]);
const LABEL_LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);

/**
 * The selectors of a PromQL expression that Prometheus can parse, each with its matchers and
 * without its range: what has to be there for the expression to say anything.
 *
 * @returns {{ metric: string, selector: string }[]}
 */
export function selectorsOf(expression) {
  const token = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[a-zA-Z_:][\w:]*|\[[^\]]*\]|[0-9][\w.]*|\S/g;
  const tokens = expression.replaceAll(/#.*$/gm, '').match(token) ?? [];
  const found = new Map();
  for (let at = 0; at < tokens.length; at += 1) {
    const word = tokens[at];
    if (!/^[a-zA-Z_:]/.test(word)) continue;
    const next = tokens[at + 1];
    if (LABEL_LISTS.has(word.toLowerCase()) && next === '(') {
      at = tokens.indexOf(')', at);
      continue;
    }
    if (WORDS.has(word.toLowerCase()) || next === '(') continue;
    // An aggregation with its labels in front: sum by (x) (y).
    if (LABEL_LISTS.has(next?.toLowerCase())) continue;
    let selector = word;
    if (next === '{') {
      const close = tokens.indexOf('}', at);
      selector += tokens.slice(at + 1, close + 1).join('');
      at = close;
    }
    found.set(selector, { metric: word, selector });
  }
  return [...found.values()];
}
