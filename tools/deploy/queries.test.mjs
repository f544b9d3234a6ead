import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HaProxy } from '@peerdeck/harness/haproxy';
import { PrometheusServer } from '@peerdeck/harness/prometheus-server';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { Signaling } from '@peerdeck/harness/signaling';
import { parse } from 'yaml';
import { checkQueries } from './check-queries.mjs';
import { written } from './dashboard.mjs';
import { ALERTS, DASHBOARDS, allQueries, selectorsOf, substitute } from './queries.mjs';

/*
 * What the dashboards and the alert rules ask for: as files, and of a real Prometheus that has
 * scraped two real nodes and a real HAProxy.
 */

const METRICS = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));
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
const SERIES = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };

test('the dashboard is what dashboard.mjs writes', async () => {
  assert.equal(readFileSync(`${DASHBOARDS}/signaling.json`, 'utf8'), await written());
});

/** Labels of each series, from the manual's table, which signaling's own test holds to the code. */
function documented() {
  const labels = new Map();
  const rows = readFileSync(METRICS, 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| /gm);
  for (const [, name, type, text] of rows) {
    const own = [...text.matchAll(/(?:^|; )`(\w+)`/g)].map(([, label]) => label);
    for (const suffix of SERIES[type] ?? ['']) {
      labels.set(name + suffix, new Set([...own, 'job', 'instance', 'le']));
    }
  }
  return labels;
}

test('queries and rules name metrics and labels that there are', () => {
  const labels = documented();
  assert.ok(labels.size > 40, `${labels.size} series`);
  const { groups } = parse(readFileSync(ALERTS, 'utf8'));
  for (const { record } of groups.flatMap(({ rules }) => rules)) {
    if (record !== undefined) labels.set(record, new Set(['job']));
  }
  labels.set('up', new Set(['job', 'instance']));
  for (const name of HAPROXY) labels.set(name, new Set(['job', 'proxy']));
  for (const { where, expression } of allQueries()) {
    for (const { metric, selector } of selectorsOf(expression)) {
      assert.ok(labels.has(metric), `${where}: ${metric}`);
      for (const [, label] of selector.matchAll(/[{,](\w+)[=!]/g)) {
        assert.ok(labels.get(metric).has(label), `${where}: ${metric}, ${label}`);
      }
    }
  }
});

test('selectors are found wherever they stand', () => {
  const found = (text) => selectorsOf(text).map(({ selector }) => selector);
  assert.deepEqual(
    found(
      'sum by (job, le) (rate(a_bucket{x="} b{", y=~"c|d"}[5m])) / on (job) group_left b > 0.5e3',
    ),
    ['a_bucket{x="} b{",y=~"c|d"}', 'b'],
  );
  assert.deepEqual(found('count(x:y:z == 0) or vector(0) and sum(c) without (d) # e'), [
    'x:y:z',
    'c',
  ]);
  assert.equal(
    substitute('a{b=~"$instance"}[$__range] + ${instance:regex}'),
    'a{b=~".*"}[1h] + .*',
  );
  assert.throws(() => substitute('$nobody'), /\$nobody/);
});

/** Opens what a test needs, in order, and closes it the other way round. */
async function withAll(body) {
  const open = [];
  const keep = (part) => {
    open.unshift(part);
    return part;
  };
  try {
    await body(keep);
  } finally {
    for (const part of open) await part.close();
  }
}

const faultsOf = async (url, seconds, expressions) => {
  const queries = expressions.map((expression) => ({ where: '', expression }));
  return (await checkQueries(url, seconds, queries)).map(({ fault }) => fault);
};

test('every query and every rule finds what it asks for', { timeout: 120_000 }, () =>
  withAll(async (keep) => {
    const redis = keep(await RedisServer.start());
    const nodes = [0, 1].map(() => keep(new Signaling({ env: { REDIS_URL: redis.url } })));
    for (const node of nodes) await node.ready();
    for (const client of await someTraffic(...nodes)) keep(client);
    const proxy = keep(await HaProxy.start(nodes.map(({ port }) => `127.0.0.1:${port}`)));
    const targets = {
      signaling: nodes.map(({ healthPort }) => `127.0.0.1:${healthPort}`),
      haproxy: [proxy.address],
    };
    const { url } = keep(await PrometheusServer.start({ targets, rules: ALERTS }));
    const results = await checkQueries(url, 60);
    assert.deepEqual(
      results.filter(({ fault }) => fault !== undefined),
      [],
    );
    assert.ok(results.length >= 100, `${results.length} queries`);
    // Without it, nobody would have asked for what HAProxy has.
    assert.deepEqual(await faultsOf(url, 0, ['up{job="haproxy"} == 1']), [undefined]);
  }),
);

test('a query for what nobody has is found', { timeout: 90_000 }, () =>
  withAll(async (keep) => {
    const node = keep(new Signaling());
    await node.ready();
    const targets = { signaling: [`127.0.0.1:${node.healthPort}`] };
    const { url } = keep(await PrometheusServer.start({ targets, rules: ALERTS }));
    const ready = 'sum by (instance) (signaling_ready{job="signaling"})';
    assert.deepEqual(await faultsOf(url, 30, [ready, `${ready} / haproxy_of_nobody`]), [
      undefined,
      undefined,
    ]);
    const [metric, label, broken] = await faultsOf(url, 0, [
      'rate(signaling_of_nobody_total[1m])',
      'signaling_ready{job="others"}',
      'sum(signaling_ready',
    ]);
    assert.equal(metric, 'no series for signaling_of_nobody_total');
    assert.equal(label, 'no series for signaling_ready{job="others"}');
    assert.match(broken, /parse error/);
  }),
);

/** A session across the nodes, a message that is refused, and a connection that has ended. */
async function someTraffic(a, b) {
  const room = '1'.repeat(32);
  const host = await Client.open(`ws://127.0.0.1:${a.port}`, ['peerdeck.v2']);
  const viewer = await Client.open(`ws://127.0.0.1:${b.port}`, ['peerdeck.v2']);
  host.send({ type: 'join', room, role: 'host' });
  await host.heard('welcome');
  viewer.send({ type: 'join', room, role: 'viewer' });
  await viewer.heard('welcome');
  viewer.send({ type: 'offer', session: 's', sdp: 'x' });
  await host.heard('offer');
  viewer.send({ type: 'offer' });
  await viewer.heard('error');
  const third = await Client.open(`ws://127.0.0.1:${b.port}/?roomId=r`, []);
  await third.close();
  return [host, viewer];
}

/** A WebSocket that remembers what types of messages came. */
class Client {
  #socket;
  #heard = new Set();
  #look = () => {};

  static async open(url, protocols) {
    const client = new Client();
    const socket = new WebSocket(url, protocols);
    client.#socket = socket;
    socket.onmessage = ({ data }) => {
      client.#heard.add(JSON.parse(data).type);
      client.#look();
    };
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`${url} does not open`));
    });
    return client;
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** The test's own deadline bounds the wait. */
  async heard(type) {
    while (!this.#heard.has(type)) await new Promise((resolve) => (this.#look = resolve));
  }

  async close() {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => (this.#socket.onclose = resolve));
    this.#socket.close();
    await closed;
  }
}
