import { randomBytes } from 'node:crypto';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import { Peer } from '../testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { SECRET, sign } from '../testing/tokens.ts';

/*
 * Who gets in, on two nodes with a real Redis between them. auth.spec.ts has the details.
 */

let redis: RedisServer;
let nodes: TestService[] = [];
const peers: Peer[] = [];
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.close());
beforeEach(async () => {
  const env = {
    ...{ REDIS_URL: redis.url, REDIS_PREFIX: randomBytes(6).toString('hex') },
    ...{ ENABLE_AUTH: 'true', JWT_SECRET: SECRET, JWT_CLOCK_SKEW_S: '0' },
  };
  const names = ['auth-a', 'auth-b'];
  nodes = await Promise.all(names.map((nodeId) => startService(env, { nodeId })));
  await until(() => nodes.every((each) => each.service.ready));
});
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.terminate();
  const log = nodes.flatMap(({ log }) => log);
  expect(log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  await Promise.all(nodes.map((each) => each.close()));
});

const now = () => Math.floor(Date.now() / 1000);
const token = (claims: object = {}, more: object = {}) =>
  sign({ claims: { iat: now(), exp: now() + 600, ...claims }, ...more });
async function v2(at: number): Promise<Peer> {
  const peer = await (nodes[at] as TestService).v2();
  peers.push(peer);
  return peer;
}
const room = roomId(1);
const control = { type: 'control', action: 'x' };

test('v2: tokens let in on both nodes, each to its rooms and in its role', async () => {
  const host = await v2(0);
  await host.join(room, 'host', { token: await token({ rooms: [room], role: 'host' }) });
  const viewer = await v2(1);
  await viewer.join(room, 'viewer', { token: await token({ rooms: [room], role: 'viewer' }) });
  viewer.send(control);
  await host.next('control');
  const cases: [object, number][] = [
    [{}, 4001],
    [{ token: 'x.y.z' }, 4001],
    [{ token: await token({ exp: now() - 10 }) }, 4001],
    [{ token: await token({}, { without: ['exp'] }) }, 4001],
    [{ token: await token({}, { without: ['rooms'] }) }, 4003],
    [{ token: await token({ rooms: [roomId(2)] }) }, 4003],
    [{ token: await token({ role: 'host' }) }, 4003],
  ];
  for (const [more, code] of cases) {
    const stranger = await v2(1);
    stranger.send({ type: 'join', room, role: 'viewer', ...more });
    stranger.send(control);
    expect((await stranger.closed).code).toBe(code);
  }
  await host.settle();
  expect(host.types().filter((type) => type === 'member-joined')).toHaveLength(1);
  expect(host.types().filter((type) => type === 'control')).toHaveLength(1);
});

test('v2: a token that ends while connected; a new one brings the place back on the other node', async () => {
  const host = await v2(0);
  await host.join(room, 'host', { token: await token() });
  const viewer = await v2(0);
  const short = { token: await token({ exp: now() + 2 }) };
  const { resume, peerId } = await viewer.join(room, 'viewer', short);
  expect((await viewer.closed).code).toBe(4001);
  expect(await host.next('member-detached')).toMatchObject({ peerId });
  const late = await v2(1);
  late.send({ type: 'join', room, role: 'viewer', resume, ...short });
  expect((await late.closed).code).toBe(4001);
  const renewed = await v2(1);
  expect(await renewed.join(room, 'viewer', { resume, token: await token() })).toMatchObject({
    peerId,
    resumed: true,
  });
  expect(await host.next('member-resumed')).toMatchObject({ peerId });
});

test('original: a token in the URL or as a bearer; without one 1008', async () => {
  const open = async (at: number, query: string, headers = {}) => {
    const url = `${(nodes[at] as TestService).url}/?roomId=the-room${query}`;
    const peer = new Peer(url, [], { headers });
    peers.push(peer);
    await peer.opened;
    return peer;
  };
  const good = await token({ rooms: ['the-*'] });
  const first = await open(0, `&token=${good}`);
  await until(async () => {
    return (await (nodes[0] as TestService).metric('signaling_members{state="connected"}')) === 1;
  });
  const second = await open(1, '', { Authorization: `Bearer ${good}` });
  second.send({ type: 'offer', sdp: 'x' });
  expect(await first.next('offer')).toEqual({ type: 'offer', sdp: 'x' });
  expect(await (await open(1, '')).closed).toEqual({
    code: 1008,
    reason: 'Unauthorized: this service asks for a token',
  });
  const other = await token({ rooms: ['other'] });
  expect(await (await open(1, `&token=${other}`)).closed).toEqual({
    code: 1008,
    reason: 'Forbidden: the token does not allow this room',
  });
  await second.socket.close();
  expect(await first.next()).toEqual({ type: 'peer-disconnected' });
});

test('neither log nor Redis has a token', async () => {
  const secret = await token();
  const [, payload = '', signature = ''] = secret.split('.');
  await (await v2(0)).join(room, 'host', { token: secret });
  await (await v2(1)).join(room, 'viewer', { token: secret });
  const keys = (await redis.command('keys', '*')) as string[];
  expect(keys.length).toBeGreaterThan(0);
  const values = await Promise.all(
    keys.filter((key) => key.endsWith(':room')).map((key) => redis.command('hgetall', key)),
  );
  const text = [...nodes.flatMap(({ log }) => log), ...keys, JSON.stringify(values)].join('');
  for (const part of [payload, signature]) expect(text).not.toContain(part);
});
