import { createSecretKey } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateHostKey, signHostSlot, toBase64Url } from '@peerdeck/protocol';
import { createLogger } from '../src/base/log.ts';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { sign } from '../src/testing/tokens.ts';

/*
 * What a service writes into its log, end to end: fields and lines as docs/signaling.md lists
 * them, and nothing that was entrusted to it.
 */

const manual = readFileSync(
  fileURLToPath(new URL('../../../docs/signaling.md', import.meta.url)),
  'utf8',
);
const section = /## Logs\n([\s\S]*?)(?=\n## |$)/.exec(manual)?.[1] ?? '';
const [fieldTable = '', lineTable = ''] = section.split(/\n\| `msg` \|/);
const firstCells = (table: string) =>
  [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
const FIELDS = firstCells(fieldTable);
const LINES = firstCells(lineTable);

let services: TestService[] = [];
let redis: RedisServer | undefined;
afterEach(async () => {
  await Promise.all(services.map((service) => service.close()));
  await redis?.close();
  services = [];
  redis = undefined;
});

async function start(...args: Parameters<typeof startService>): Promise<TestService> {
  const service = await startService(...args);
  services.push(service);
  return service;
}

test('every line that the code writes is in the manual, and the other way round', () => {
  const written = new Set<string>();
  const folder = fileURLToPath(new URL('../src/', import.meta.url));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || /\.spec\.ts$|testing/.test(name)) continue;
    const source = readFileSync(`${folder}/${name}`, 'utf8');
    for (const [call] of source.matchAll(
      /\blog\.(?:trace|debug|info|warn|error|fatal)\([\s\S]*?\);/g,
    )) {
      const text = [...call.matchAll(/'([^']*)'/g)].at(-1)?.[1];
      written.add(text ?? `${name}: ${call}`);
    }
  }
  expect([...written].sort()).toEqual([...new Set(LINES)].sort());
});

test('nothing that was entrusted to the service gets into its log', async () => {
  const jwtSecret = 'the-jwt-secret-of-48-bytes-0123456789abcdefghijk';
  const token = await sign({
    key: createSecretKey(Buffer.from(jwtSecret)),
    claims: { exp: Math.floor(Date.now() / 1000) + 600, sub: 'the-subject' },
  });
  const env = {
    ENABLE_AUTH: 'true',
    JWT_SECRET: jwtSecret,
    TURN_URLS: 'turn:turn.example:3478',
    TURN_SECRET: 'the-turn-secret-0123456789abcdef',
    ICE_SERVERS: '[{"urls":["turn:t.example"],"username":"u","credential":"the-credential"}]',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=the-otlp-header',
    REDIS_URL: '',
  };
  const server = await start(env);
  const key = generateHostKey();
  const room = roomId(7);
  const host = await server.v2();
  const { challenge } = await host.next('hello');
  const signature = signHostSlot(String(challenge), room, key);
  const welcome = await host.join(room, 'host', {
    token,
    name: 'the-host-name',
    hostKey: toBase64Url(key.publicKey),
    hostSignature: signature,
  });
  const headers = {
    authorization: `Bearer ${token}`,
    origin: 'https://the-origin.example',
    cookie: 'the-cookie',
    'user-agent': 'the-agent',
    traceparent: '00-the-bad-traceparent',
    'x-forwarded-for': 'the-forwarded',
  };
  const viewer = await Peer.open(`${server.url}/the-path?the-query=1`, ['peerdeck.v2'], {
    headers,
  });
  const { peerId, resume } = await viewer.join(room, 'viewer', { token });
  viewer.send({ type: 'offer', session: 'the-session', sdp: 'the-sdp', auth: authOf('the-mac') });
  await host.next('offer');
  const candidate = 'candidate:the-candidate';
  viewer.send({ type: 'candidate', session: 'the-session', candidate });
  await host.next('candidate');
  host.send({ type: 'control', action: 'the-action', payload: 'the-payload', to: peerId });
  await viewer.next('control');
  for (const bad of [
    '{"the-broken',
    { type: 'the-unknown-type' },
    { type: 'offer', session: 'the-session', sdp: 5, token },
    { type: 'offer', session: 'the-session', sdp: 'the-sdp', to: 'the-peer' },
    { type: 'join', room, role: 'the-role', token },
  ]) {
    viewer.send(bad);
    await viewer.next('error');
  }
  const again = await server.v2();
  await again.join(room, 'viewer', { token, resume });
  again.send({ type: 'leave', reason: 'the-reason' });
  await again.closed;
  for (const bad of ['not.the.token', `${token}x`]) {
    const refused = await server.v2();
    refused.send({ type: 'join', room, role: 'viewer', token: bad });
    await refused.closed;
  }
  const old = await Peer.open(`${server.url}/?roomId=the-room&token=${token}`, []);
  await until(() => count(server, '"joined"') === 4);
  old.send('{"the-broken');
  await old.closed;
  const wrong = new Peer(`${server.url}/?roomId=the%20room&token=${token}`, ['the-protocol']);
  await wrong.closed;
  host.socket.close(4999, 'the-close-reason');
  await host.closed;
  await until(() => count(server, '"closed"') === 6);
  await server.close();
  const text = server.log.join('');
  const secrets = [token, jwtSecret, room, signature, String(challenge), String(resume)];
  const turn = JSON.stringify(welcome['iceServers']);
  for (const [, credential = ''] of turn.matchAll(/"credential":"([^"]+)"/g))
    secrets.push(credential);
  expect(secrets.length).toBeGreaterThan(7);
  for (const secret of secrets) expect(text).not.toContain(secret);
  expect([...text.matchAll(/the-[a-z]+/g)].map(([found]) => found)).toEqual([]);
  lookAt(server.log);
});

test('every line about a connection has its id and its trace, which its client knows', async () => {
  const server = await start();
  const peer = await server.v2();
  const hello = await peer.next('hello');
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const welcome = await peer.join(roomId(1), 'viewer', { trace });
  expect(welcome).toMatchObject({ connection: hello['connection'], trace });
  expect(hello['trace']).toMatch(/^[0-9a-f]{32}$/);
  peer.send({ type: 'leave' });
  await peer.closed;
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const headers = { traceparent: parent };
  const old = await Peer.open(`${server.url}/?roomId=r`, [], { headers });
  await until(() => count(server, '"joined"') === 2);
  old.socket.close();
  await until(() => count(server, '"closed"') === 2);
  const lines = server.log.map((line) => JSON.parse(line) as Record<string, string>);
  const marks = lines.map(({ msg, connection, trace }) => [msg, connection, trace]);
  const second = lines.at(-1)?.['connection'];
  const theirs = parent.slice(3, 35);
  expect(marks).toEqual([
    ['open', hello['connection'], hello['trace']],
    ['joined', hello['connection'], trace],
    ['closed', hello['connection'], trace],
    ['open', second, theirs],
    ['joined', second, theirs],
    ['closed', second, theirs],
  ]);
  expect(second).not.toBe(hello['connection']);
});

test.each(['x', '0'.repeat(32), '0AF7651916CD43DD8448EB211C80319C'])(
  'a join whose trace is %s is refused with the name of the field',
  async (trace) => {
    const server = await start();
    const peer = await server.v2();
    peer.send({ type: 'join', room: roomId(1), role: 'viewer', trace });
    expect(await peer.next('error')).toMatchObject({ code: 'invalid-message', field: 'trace' });
  },
);

test('the password of Redis stays out of the log when Redis refuses it', async () => {
  redis = await RedisServer.start();
  const REDIS_URL = `redis://the-user:the-password@127.0.0.1:${redis.port}`;
  const server = await start({ REDIS_URL, REDIS_TIMEOUT_MS: '200', REDIS_LEASE_MS: '1000' });
  await until(() => count(server, '"redis"') > 0);
  expect(server.log.join('')).not.toMatch(/the-password|the-user/);
  lookAt(server.log);
});

test('of an error its arguments are not logged, and its texts are bounded', () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level: 'info', pretty: false, nodeId: 'n', destination });
  const error = Object.assign(new Error('m'.repeat(100_000)), {
    command: { name: 'evalsha', args: ['the-argument'] },
    code: 'ECODE',
  });
  log.error({ err: error }, 'session failed');
  const line = lines.join('');
  expect(line).not.toContain('the-argument');
  expect(line.length).toBeLessThan(6000);
  expect(JSON.parse(line)).toMatchObject({ err: { type: 'Error', code: 'ECODE' } });
  lookAt(lines);
});

/** All fields and lines are listed. */
function lookAt(log: readonly string[]): void {
  expect(log.length).toBeGreaterThan(0);
  for (const text of log) {
    const line = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(line).filter((field) => !FIELDS.includes(field))).toEqual([]);
    expect(LINES).toContain(line['msg']);
    if (line['connection'] !== undefined) expect(line['trace']).toMatch(/^[0-9a-f]{32}$/);
    expect(text.length).toBeLessThan(6000);
  }
}

function count({ log }: TestService, part: string): number {
  return log.filter((line) => line.includes(`"msg":${part}`)).length;
}

function authOf(mac: string) {
  return { role: 'view', nonce: 'A'.repeat(22), counter: 0, mac: mac.padEnd(43, 'A') };
}
