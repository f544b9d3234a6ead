import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { which } from '../setup/command.mjs';
import { installCertificate } from './site-certificate.mjs';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const read = (path) => readFileSync(join(DEPLOY, path), 'utf8');
const proxy = read('haproxy/haproxy.cfg');
const { services } = parse(read('../docker-compose.yml'), { merge: true });

test('HAProxy takes the configuration', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await installCertificate({ folder: join(folder, 'tls'), host: 'a.example' });
  const file = join(folder, 'haproxy.cfg');
  // Here nobody knows the nodes' names.
  const here = proxy.replaceAll('/run/tls/', `${folder}/tls/`).replace('libc,none', 'none');
  writeFileSync(file, here);
  const env = { ...process.env, PUBLIC_ORIGIN: 'https://a.example' };
  // -dW: a warning is an error.
  execFileSync(which('haproxy'), ['-c', '-dW', '-f', file], { env, stdio: 'pipe' });
});

test('it finds the nodes under names of the network that they trust', () => {
  const targets = [...proxy.matchAll(/^ {4}server (\S+) (\S+):(\d+)/gm)];
  assert.deepEqual(
    targets.map(([, name]) => name),
    ['signaling-a', 'signaling-b'],
  );
  for (const [, name, address, port] of targets) {
    const { networks, environment } = services[name];
    assert.deepEqual(networks.proxy.aliases, [address]);
    assert.equal(environment.WS_PORT, port);
    assert.match(proxy, new RegExp(`check port ${environment.HEALTH_PORT}\\b`));
  }
});

test('it keeps nothing that clients say about their own address', () => {
  const part = proxy.slice(proxy.indexOf('frontend public'));
  for (const name of ['Forwarded', 'X-Forwarded- -m beg']) {
    const at = part.indexOf(`del-header ${name}`);
    assert.ok(at > 0 && at < part.indexOf('set-header X-Forwarded-For'), name);
  }
});

test('it writes no query: clients of the original protocol put tokens there', () => {
  const format = /^ {4}log-format '(.*)'$/m.exec(proxy)[1];
  assert.doesNotMatch(format, /%HU|%HQ|%r\b|%\[query|%\[url\b|pathq/);
  const line = format.replaceAll(/%\[[^\]]*\]|%\w+/g, '0');
  assert.doesNotThrow(() => JSON.parse(line), line);
});

test('silence is allowed for longer than a node allows it', () => {
  const [, seconds] = /^ {4}timeout tunnel (\d+)s$/m.exec(proxy);
  const example = read('../apps/signaling/.env.example');
  const [, heartbeat] = /^HEARTBEAT_TIMEOUT_MS=(\d+)$/m.exec(example);
  assert.ok(Number(seconds) * 1000 > Number(heartbeat) * 2);
});

test('Prometheus takes its configuration, and scrapes what compose runs', () => {
  const file = join(DEPLOY, 'prometheus/prometheus.yml');
  execFileSync(which('promtool'), ['check', 'config', file], { stdio: 'pipe' });
  const { scrape_configs: jobs } = parse(readFileSync(file, 'utf8'));
  const targets = (name) =>
    jobs
      .find(({ job_name: job }) => job === name)
      .static_configs.map(({ targets: [target], labels }) => [target, labels.instance]);
  const { HEALTH_PORT } = services['signaling-a'].environment;
  assert.deepEqual(
    targets('signaling'),
    ['signaling-a', 'signaling-b'].map((name) => [`${name}:${HEALTH_PORT}`, name]),
  );
  assert.deepEqual(targets('haproxy'), [['haproxy:8404', 'haproxy']]);
  assert.match(proxy, /^ {4}bind :8404$/m);
});
