import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { allQueries, selectorsOf } from './queries.mjs';

/*
 * Asks a real Prometheus every query of the dashboards and every expression of the rules:
 *
 *   node tools/deploy/check-queries.mjs PROMETHEUS_URL [SECONDS]
 *
 * A query fails that Prometheus cannot evaluate, or that selects something of which no series is
 * there: a metric, a label or a value that nobody has. SECONDS (60) is how long it may take until
 * all is there; a Prometheus that has just started has scraped nothing. Metrics of HAProxy are
 * asked for only where a job `haproxy` is scraped. The last line is `N passed, N failed`, and the
 * exit code 1 if any failed.
 */

const RETRY_MS = 1000;

/** @returns {Promise<{ where: string, fault: string | undefined }[]>} */
export async function checkQueries(url, seconds, queries = allQueries()) {
  const deadline = Date.now() + seconds * 1000;
  const prometheus = new Prometheus(url);
  for (;;) {
    prometheus.forget();
    const results = [];
    for (const { where, expression } of queries) {
      results.push({ where, fault: await faultOf(prometheus, expression) });
    }
    if (results.every(({ fault }) => fault === undefined) || Date.now() > deadline) return results;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function faultOf(prometheus, expression) {
  try {
    await prometheus.query(expression);
    const proxy = await prometheus.has('up{job="haproxy"}');
    for (const { metric, selector } of selectorsOf(expression)) {
      if (metric.startsWith('haproxy_') && !proxy) continue;
      if (!(await prometheus.has(selector))) return `no series for ${selector}`;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

class Prometheus {
  #url;
  #known = new Map();

  constructor(url) {
    this.#url = url.replace(/\/$/, '');
  }

  forget() {
    this.#known.clear();
  }

  /** Whether a selector has a series now. */
  async has(selector) {
    if (!this.#known.has(selector)) {
      const { result } = await this.query(`count(${selector})`);
      this.#known.set(selector, result.length > 0);
    }
    return this.#known.get(selector);
  }

  async query(expression) {
    const body = new URLSearchParams({ query: expression });
    const response = await fetch(`${this.#url}/api/v1/query`, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(10_000),
    });
    const answer = await response.json().catch(() => ({ error: `HTTP ${response.status}` }));
    if (answer.status !== 'success') throw new Error(answer.error);
    return answer.data;
  }
}

async function main([url, seconds = '60']) {
  if (url === undefined || !URL.canParse(url) || !/^\d+$/.test(seconds)) {
    process.stderr.write('usage: node tools/deploy/check-queries.mjs PROMETHEUS_URL [SECONDS]\n');
    process.exit(2);
  }
  const results = await checkQueries(url, Number(seconds));
  const failed = results.filter(({ fault }) => fault !== undefined);
  for (const { where, fault } of failed) process.stdout.write(`${where}: ${fault}\n`);
  process.stdout.write(`${results.length - failed.length} passed, ${failed.length} failed\n`);
  process.exit(failed.length === 0 ? 0 : 1);
}

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2));
}
