import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeMetrics } from '../src/docs/metrics-docs.ts';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import type { Peer } from '../src/testing/peer.ts';
import { HaProxy } from '../src/testing/haproxy.ts';
import { PrometheusServer } from '../src/testing/prometheus-server.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * The dashboard and the alert rules against a real Prometheus that has scraped two real nodes and
 * a real HAProxy.
 */

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const RULES = path('deploy/prometheus/alerts.yml');

let redis: RedisServer;
let nodes: TestService[] = [];
let peers: Peer[] = [];
let prometheus: PrometheusServer | undefined;
let proxy: HaProxy | undefined;

beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const peer of peers) peer.socket.terminate();
  await prometheus?.close();
  await proxy?.close();
  await Promise.all(nodes.map((node) => node.close()));
  await redis.close();
  nodes = [];
  peers = [];
  prometheus = undefined;
  proxy = undefined;
});

test('every query and every rule finds what it asks for', async () => {
  for (const nodeId of ['a', 'b']) {
    const node = await startService({ REDIS_URL: redis.url }, { nodeId, processMetrics: true });
    nodes.push(node);
    await until(() => node.service.ready);
  }
  const [a, b] = nodes as [TestService, TestService];
  await someTraffic(a, b);
  expect(await served(a)).toEqual((await describeMetrics()).map(({ name }) => name).sort());
  const addresses = nodes.map(({ service }) => `127.0.0.1:${service.healthPort}`);
  proxy = await HaProxy.start(nodes.map(({ service }) => `127.0.0.1:${service.port}`));
  const targets = { signaling: addresses, haproxy: [proxy.address] };
  prometheus = await PrometheusServer.start({ targets, rules: RULES });
  const { code, lines } = await run('tools/deploy/check-queries.mjs', prometheus.url, '60');
  expect(lines.slice(0, -1)).toEqual([]);
  expect(lines.at(-1)).toMatch(/^\d{3} passed, 0 failed$/);
  expect(code).toBe(0);
  // Without it, nobody would have asked for what HAProxy has.
  const scraped = await fetch(`${prometheus.url}/api/v1/query?query=up{job="haproxy"}`);
  expect(await scraped.json()).toMatchObject({
    data: { result: [{ value: [expect.anything(), '1'] }] },
  });
}, 90_000);

test('a query for what nobody has is found', async () => {
  const node = await startService();
  nodes.push(node);
  const targets = { signaling: [`127.0.0.1:${node.service.healthPort}`] };
  prometheus = await PrometheusServer.start({ targets, rules: RULES });
  const { checkQueries } = (await import(path('tools/deploy/check-queries.mjs'))) as {
    checkQueries: (
      url: string,
      seconds: number,
      queries: { where: string; expression: string }[],
    ) => Promise<{ where: string; fault: string | undefined }[]>;
  };
  const { url } = prometheus;
  const check = async (seconds: number, ...expressions: string[]) => {
    const queries = expressions.map((expression) => ({ where: '', expression }));
    return (await checkQueries(url, seconds, queries)).map(({ fault }) => fault);
  };
  const ready = 'sum by (instance) (signaling_ready{job="signaling"})';
  expect(await check(30, ready, `${ready} / haproxy_of_nobody`)).toEqual([undefined, undefined]);
  expect(
    await check(
      0,
      'rate(signaling_of_nobody_total[1m])',
      'signaling_ready{job="others"}',
      'sum(signaling_ready',
    ),
  ).toEqual([
    'no series for signaling_of_nobody_total',
    'no series for signaling_ready{job="others"}',
    expect.stringMatching(/parse error/) as string,
  ]);
}, 60_000);

test('promtool finds no fault with the rules, and makes each alert fire', () => {
  const rules = readFileSync(RULES, 'utf8');
  const tests = readFileSync(path('deploy/prometheus/alerts.test.yml'), 'utf8');
  for (const [, alert] of rules.matchAll(/- alert: (\w+)/g)) {
    expect(tests).toContain(`alertname: ${alert}\n`);
  }
  for (const args of [
    ['check', 'rules', RULES],
    ['test', 'rules', path('deploy/prometheus/alerts.test.yml')],
  ]) {
    const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8' });
    if (error !== undefined) throw new Error('promtool: install the package prometheus');
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
  }
}, 60_000);

/** The metrics that a node really has. */
async function served({ service }: TestService): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${service.healthPort}/metrics`);
  const types = [...(await answer.text()).matchAll(/^# TYPE (\w+) /gm)];
  return types.map(([, name = '']) => name).sort();
}

/** A session across the nodes, a message that is refused, and a connection that has ended. */
async function someTraffic(a: TestService, b: TestService): Promise<void> {
  const host = await a.v2();
  const viewer = await b.v2();
  peers.push(host, viewer);
  await host.join(roomId(1), 'host');
  await viewer.join(roomId(1), 'viewer');
  viewer.send({ type: 'offer', session: 's', sdp: 'x' });
  await host.next('offer');
  viewer.send({ type: 'offer' });
  await viewer.next('error');
  const third = await b.original('r');
  third.socket.close();
  await third.closed;
}

async function run(script: string, ...args: string[]) {
  const child = spawn(process.execPath, [path(script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, lines: text.trim().split('\n') };
}
