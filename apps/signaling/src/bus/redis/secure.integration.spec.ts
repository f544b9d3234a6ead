import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../testing/certificate.ts';
import { roomId, startService, until, type TestService } from '../../testing/harness.ts';
import { NodeProcess } from '../../testing/node-process.ts';
import type { Peer } from '../../testing/peer.ts';
import { freePort } from '@peerdeck/harness/free-port';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * Redis with a password, and behind TLS.
 */

const PASSWORD = 'hush-hush/+%';
const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function server(settings: readonly string[] = [], password = PASSWORD) {
  const redis = await RedisServer.start(settings, password);
  closing.push(() => redis.close());
  return redis;
}

async function node(url: string, env: Record<string, string> = {}): Promise<TestService> {
  const nodeId = `secure-${closing.length}`;
  const made = await startService({ REDIS_URL: url, REDIS_TIMEOUT_MS: '300', ...env }, { nodeId });
  closing.push(() => made.close());
  return made;
}

async function process(url: string, env: Record<string, string> = {}): Promise<NodeProcess> {
  const made = await NodeProcess.start({ REDIS_URL: url, REDIS_TIMEOUT_MS: '300', ...env });
  closing.push(() => made.close());
  return made;
}

/** A viewer on one node and its host on another hear each other. */
async function serveTogether(nodes: readonly { v2(): Promise<Peer> }[]): Promise<void> {
  const [host, viewer] = await Promise.all(nodes.map((each) => each.v2()));
  if (host === undefined || viewer === undefined) throw new Error('two nodes');
  closing.push(() => {
    for (const peer of [host, viewer]) peer.socket.terminate();
  });
  await host.join(roomId(1), 'host');
  await viewer.join(roomId(1), 'viewer');
  viewer.send({ type: 'offer', session: 's', sdp: 'x' });
  expect(await host.next('offer')).toMatchObject({ sdp: 'x' });
}

const readiness = async (at: TestService) => {
  const answer = await fetch(`http://127.0.0.1:${at.service.healthPort}/readyz`);
  return { status: answer.status, text: await answer.text() };
};

test('a password in the URL opens it', async () => {
  const { url } = await server();
  const nodes = [await node(url), await node(url)];
  await until(() => nodes.every((each) => each.service.ready));
  await serveTogether(nodes);
  expect(nodes.flatMap(({ log }) => log).join('')).not.toContain('hush');
});

test.each([
  ['a wrong password', ':hush-wrong@', 'Redis refuses the user or password of REDIS_URL'],
  ['a wrong user', 'hush-user:hush@', 'Redis refuses the user or password of REDIS_URL'],
  ['no password', '', 'Redis wants a password: put it into REDIS_URL'],
])('%s: one clear line without the secret, and /readyz says so', async (_what, secret, message) => {
  const redis = await server();
  const wrong = await node(`redis://${secret}127.0.0.1:${redis.port}`);
  await until(async () => (await readiness(wrong)).text.includes(message));
  expect((await readiness(wrong)).status).toBe(503);
  const told = wrong.log.filter((line) => line.includes(message));
  expect(told).toHaveLength(1);
  expect(JSON.parse(told[0] ?? '')).toMatchObject({ level: 'warn', msg: 'redis' });
  expect(wrong.log.join('') + (await readiness(wrong)).text).not.toContain('hush');
});

test('once the password is right, so is the node', async () => {
  const redis = await server();
  const early = await node(`redis://:hush-new@127.0.0.1:${redis.port}`);
  await until(async () => (await readiness(early)).text.includes('refuses'));
  await redis.command('config', 'set', 'requirepass', 'hush-new');
  await until(() => early.service.ready);
});

describe('TLS', () => {
  let folder: string;
  let cert: string;
  let url: string;
  let plain: number;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'peerdeck-tls-'));
    const made = makeCertificate(folder);
    cert = made.cert;
    const port = await freePort();
    const files = ['--tls-cert-file', cert, '--tls-key-file', made.key];
    const redis = await server([
      ...['--tls-port', String(port), ...files],
      ...['--tls-auth-clients', 'no'],
    ]);
    plain = redis.port;
    url = `rediss://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('rediss:// with a CA of its own, and a password', async () => {
    const trust = { NODE_EXTRA_CA_CERTS: cert };
    const nodes = [await process(url, trust), await process(url, trust)];
    await until(async () => (await Promise.all(nodes.map((each) => each.ready()))).every(Boolean));
    await serveTogether(nodes);
    expect(nodes.flatMap(({ log }) => log)).toEqual([]);
  });

  test('a certificate that nobody vouches for is not accepted', async () => {
    const doubtful = await process(url);
    await until(async () => (await doubtful.ask('/readyz')).text.includes('NODE_EXTRA_CA_CERTS'));
    expect(await doubtful.ready()).toBe(false);
    await until(() => doubtful.log.length > 0);
    expect(doubtful.log.join('')).toContain('the certificate of Redis is not accepted');
    expect(doubtful.log.join('')).not.toContain('hush');
  });

  test('rediss:// to a port without TLS, and redis:// to one with, get nowhere, quietly', async () => {
    const secret = encodeURIComponent(PASSWORD);
    const tls = new URL(url).port;
    const nodes = await Promise.all([
      node(`rediss://:${secret}@127.0.0.1:${plain}`),
      node(`redis://:${secret}@127.0.0.1:${tls}`),
    ]);
    await until(() => nodes.every(({ log }) => log.some((line) => line.includes('"redis"'))));
    for (const each of nodes) expect((await readiness(each)).status).toBe(503);
    for (const { log } of nodes) expect(log.join('')).not.toContain('hush');
  });
});
