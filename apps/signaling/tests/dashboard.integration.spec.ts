import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { describeMetrics } from '../src/docs/metrics-docs.ts';
import { startService, until } from '../src/testing/harness.ts';

/*
 * That metrics and alert rules are what they are said to be. tools/deploy tests the queries
 * against a real Prometheus.
 */

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const RULES = path('deploy/prometheus/alerts.yml');

test('a node serves the metrics that are described', async () => {
  const redis = await RedisServer.start();
  const node = await startService({ REDIS_URL: redis.url }, { nodeId: 'a', processMetrics: true });
  try {
    await until(() => node.service.ready);
    const answer = await fetch(`http://127.0.0.1:${node.service.healthPort}/metrics`);
    const types = [...(await answer.text()).matchAll(/^# TYPE (\w+) /gm)];
    const served = types.map(([, name = '']) => name).sort();
    expect(served).toEqual((await describeMetrics()).map(({ name }) => name).sort());
  } finally {
    await node.close();
    await redis.close();
  }
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
