import assert from 'node:assert/strict';
import { checkQueries } from '../check-queries.mjs';
import { until } from '../shell.mjs';

const SCRAPED_S = 60;

/** Prometheus has what the alerts and the dashboard ask for. */
export async function checkMonitoring({ table, stack }) {
  // No port is published; this machine itself is on the bridge.
  const { Networks } = (await stack.inspect('prometheus')).NetworkSettings;
  const url = `http://${Object.values(Networks)[0].IPAddress}:9090`;
  const get = async (path) => {
    const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5000) });
    return (await answer.json()).data;
  };
  await table.check('Prometheus scrapes both nodes and the proxy', () =>
    until('up is 1 three times', async () => {
      const { result } = await get('/api/v1/query?query=up{job=~"signaling|haproxy"}==1');
      const seen = result.map(({ metric }) => metric.instance).sort();
      return seen.length === 3 && seen.join(', ');
    }),
  );
  await table.check(
    'every alert rule and dashboard query is answered, and has series',
    async () => {
      const results = await checkQueries(url, SCRAPED_S);
      const wrong = results.filter(({ fault }) => fault !== undefined);
      assert.deepEqual(wrong, [], `${wrong.length} of ${results.length}`);
      return `${results.length} queries`;
    },
  );
  await table.check('Prometheus has loaded the alert rules', async () => {
    const { groups } = await get('/api/v1/rules');
    const rules = groups.flatMap((group) => group.rules);
    for (const rule of rules)
      assert.notEqual(rule.health, 'err', `${rule.name}: ${rule.lastError}`);
    assert.ok(rules.length > 0, 'none');
    const firing = rules.filter(({ state }) => state === 'firing').map(({ name }) => name);
    return `${rules.length} rules; firing: ${firing.join(', ') || 'none'}`;
  });
}
