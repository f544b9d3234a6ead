import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer } from '@peerdeck/harness/child-server';
import { freePort } from '@peerdeck/harness/free-port';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { roomId, until } from '../src/testing/harness.ts';
import { NodeProcess } from '../src/testing/node-process.ts';
import { Peer } from '../src/testing/peer.ts';

/*
 * Redis goes away below the deployment's own proxy: two nodes as processes behind HAProxy with
 * deploy/haproxy/haproxy.cfg, but for TLS and names.
 */

const CONFIG = readFileSync(
  fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url)),
  'utf8',
);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function proxy(nodes: readonly NodeProcess[]): Promise<{ port: number; metrics: string }> {
  const [plain, port, metrics] = [await freePort(), await freePort(), await freePort()];
  let text = CONFIG.replace('bind :8080', `bind 127.0.0.1:${plain}`)
    .replace(/bind :8443 .*/, `bind 127.0.0.1:${port}`)
    .replace('bind :8404', `bind 127.0.0.1:${metrics}`)
    .replaceAll('check port 8080', 'check')
    .replaceAll('resolvers docker init-addr libc,none', '')
    .replace(/^resolvers docker\n(?: {4}.*\n)*/m, '');
  for (const [index, letter] of ['a', 'b'].entries()) {
    const { port = 0, healthPort = 0 } = nodes[index] ?? {};
    const name = `server signaling-${letter}`;
    text = text.replaceAll(
      `${name} signaling-${letter}.proxy:3002`,
      `${name} 127.0.0.1:${port} port ${healthPort}`,
    );
  }
  const watch = `http://127.0.0.1:${metrics}`;
  process.env['PUBLIC_ORIGIN'] = 'https://a.example';
  const child = await ChildServer.start({
    command: 'haproxy',
    name: 'haproxy',
    args: (folder) => {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, text);
      return ['-db', '-f', file];
    },
    readyUrl: `${watch}/healthz`,
  });
  closing.push(() => child.close());
  return { port, metrics: `${watch}/metrics` };
}

test('while Redis is away the page comes, a room on one node goes on and takes new members', async () => {
  const redis = await RedisServer.start();
  closing.push(() => redis.close());
  const site = mkdtempSync(join(tmpdir(), 'peerdeck-site-'));
  closing.push(() => {
    rmSync(site, { recursive: true });
  });
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>here</title>');
  const env = {
    ...{ REDIS_URL: redis.url, STATIC_DIR: site, TRUSTED_PROXIES: '127.0.0.1' },
    ...{ REDIS_TIMEOUT_MS: '300', REDIS_LEASE_MS: '1500' },
  };
  const nodes = [await NodeProcess.start(env), await NodeProcess.start(env)];
  for (const node of nodes) closing.push(() => node.close());
  const front = await proxy(nodes);
  const up = async (backend: string) => {
    const text = await (await fetch(front.metrics)).text();
    const line = `haproxy_backend_active_servers{proxy="${backend}"} `;
    return Number(
      text
        .split('\n')
        .find((one) => one.startsWith(line))
        ?.slice(line.length),
    );
  };
  const url = `http://127.0.0.1:${front.port}/`;
  const enter = async () => {
    const peer = await Peer.open(url.replace('http', 'ws'), ['peerdeck.v2']);
    closing.push(() => {
      peer.socket.terminate();
    });
    return peer;
  };
  await until(async () => (await up('signaling')) === 2 && (await up('outage')) === 2);

  const host = await enter();
  await host.join(roomId(1), 'host');
  await redis.kill();
  await until(async () => (await up('signaling')) === 0);
  expect(await up('outage')).toBe(2);

  const page = await fetch(url);
  expect([page.status, await page.text()]).toEqual([
    200,
    expect.stringContaining('here') as string,
  ]);
  // The proxy sends them to both nodes in turn: one of two comes to the room.
  const answers = [];
  for (let tries = 0; tries < 2; tries += 1) {
    const viewer = await enter();
    viewer.send({ type: 'join', room: roomId(1), role: 'viewer' });
    await viewer.next('hello');
    const answer = await viewer.next();
    answers.push(answer);
    if (answer.type !== 'welcome') continue;
    viewer.send({ type: 'control', action: 'in the outage' });
    expect(await host.next('control')).toMatchObject({ action: 'in the outage' });
  }
  expect(answers.map(({ type }) => type).sort()).toEqual(['error', 'welcome']);
  const hint = { code: 'unavailable', retryAfterMs: expect.any(Number) as number };
  expect(answers.find(({ type }) => type === 'error')).toMatchObject(hint);
  const newRoom = await enter();
  newRoom.send({ type: 'join', room: roomId(2), role: 'host' });
  expect(await newRoom.next('error')).toMatchObject(hint);

  await redis.restart();
  await until(async () => (await up('signaling')) === 2);
  const again = await enter();
  await again.join(roomId(2), 'host');
  expect(host.closeCode).toBeUndefined();
  expect(host.types()).not.toContain('member-left');
});
