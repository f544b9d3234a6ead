import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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
  const here = proxy.replaceAll('/run/tls/', `${folder}/tls/`).replaceAll('libc,none', 'none');
  writeFileSync(file, here);
  const env = { ...process.env, PUBLIC_ORIGIN: 'https://a.example' };
  // -dW: a warning is an error.
  execFileSync(which('haproxy'), ['-c', '-dW', '-f', file], { env, stdio: 'pipe' });
});

test('it finds the nodes under names of the network that they trust', () => {
  const targets = [...proxy.matchAll(/^ {4}server (\S+) (\S+):(\d+)/gm)];
  // Once for all that is ready, once for what is left when nothing is.
  assert.deepEqual(
    targets.map(([, name]) => name),
    ['signaling-a', 'signaling-b', 'signaling-a', 'signaling-b'],
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

test('a line of its log stays JSON, whatever a client asks for', async (t) => {
  const { plain, line } = await running(t);
  const wicked = `/${'"%22\\'.repeat(1000)}`;
  for (const request of [`GET ${wicked} HTTP/1.1`, `${'M'.repeat(3000)} /x HTTP/1.1`]) {
    const socket = connect(plain, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(Buffer.from(`${request}\r\nHost: a.example\r\n\r\n`));
    const text = await line((one) => one.includes('"request"'));
    socket.destroy();
    assert.doesNotThrow(() => JSON.parse(text), text);
  }
});

test('one address has a part of its connections, of both ports together, and no more', async (t) => {
  const { plain, tls } = await running(t, (text) => text.replaceAll('gt 4000', 'gt 10'));
  const open = [];
  t.after(() => {
    for (const { socket } of open) socket.destroy();
  });
  const enter = async (port, from) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    socket.on('error', () => {});
    const ended = new Promise((resolve) => socket.once('close', resolve));
    open.push({ socket });
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    return Promise.race([answered.then(() => 'in'), ended.then(() => 'out')]);
  };
  // Without TLS no answer comes on the other port, and the connection counts.
  for (let count = 0; count < 5; count += 1) {
    const socket = connect({ port: tls, host: '127.0.0.1', localAddress: '127.0.0.2' });
    open.push({ socket });
    await once(socket, 'connect');
  }
  for (let count = 0; count < 5; count += 1) assert.equal(await enter(plain, '127.0.0.2'), 'in');
  assert.equal(await enter(plain, '127.0.0.2'), 'out');
  assert.equal(await enter(plain, '127.0.0.3'), 'in');
});

/** Starts HAProxy with the configuration, before a node that says 200 to everything. */
async function running(t, change = (text) => text) {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await installCertificate({ folder: join(folder, 'tls'), host: 'a.example' });
  const node = createHttpServer((_request, response) => response.end('ok'));
  await once(node.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    node.close();
    node.closeAllConnections();
  });
  const { port } = node.address();
  const [plain, tls, metrics] = await freePorts(3);
  const text = change(proxy)
    .replaceAll('/run/tls/', `${folder}/tls/`)
    .replaceAll(/signaling-[ab]\.proxy:3002/g, `127.0.0.1:${port}`)
    .replaceAll('check port 8080', `check port ${port}`)
    .replace('bind :8080', `bind 127.0.0.1:${plain}`)
    .replace('bind :8443', `bind 127.0.0.1:${tls}`)
    .replace('bind :8404', `bind 127.0.0.1:${metrics}`);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, text);
  const env = { ...process.env, PUBLIC_ORIGIN: 'https://a.example' };
  const child = spawn(which('haproxy'), ['-db', '-f', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const lines = [];
  createInterface({ input: child.stdout }).on('line', (one) => lines.push(one));
  child.stderr.resume();
  await until(() => fetch(`http://127.0.0.1:${metrics}/healthz`).then(({ ok }) => ok));
  const line = (wanted) =>
    until(() => {
      const at = lines.findIndex(wanted);
      return at >= 0 && lines.splice(0, at + 1).at(-1);
    });
  return { plain, tls, line };
}

/** Ports that nobody listens on. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function until(question) {
  const end = Date.now() + 10_000;
  for (;;) {
    const answer = await Promise.resolve()
      .then(question)
      .catch(() => false);
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within 10 s: ${question}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

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
