import { roomId, until } from '../src/testing/harness.ts';
import { NodeProcess } from '../src/testing/node-process.ts';
import { Peer } from '../src/testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * How nodes end, as processes: told to while Redis is away, and without a word by default settings.
 */

let redis: RedisServer;
const nodes: NodeProcess[] = [];
const peers: Peer[] = [];
beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  redis.resume();
  for (const peer of peers.splice(0)) peer.socket.terminate();
  await Promise.all(nodes.splice(0).map((each) => each.close()));
  await redis.close();
});

async function node(env: Record<string, string> = {}): Promise<NodeProcess> {
  const made = await NodeProcess.start({ REDIS_URL: redis.url, ...env });
  nodes.push(made);
  await until(() => made.ready());
  return made;
}
async function v2(at: NodeProcess): Promise<Peer> {
  const peer = await at.v2();
  peers.push(peer);
  return peer;
}
async function original(at: NodeProcess, room: string): Promise<Peer> {
  const peer = new Peer(`${at.url}/?roomId=${room}`, []);
  peers.push(peer);
  await peer.opened;
  return peer;
}

const DRAIN_MS = 1500;
/** What may come after that: places given back (1 s), traces (1 s), and a busy machine. */
const GRACE_MS = 5000;

test.each<[string, () => Promise<void> | void]>([
  ['paused', () => redis.pause()],
  ['killed', () => redis.kill()],
])('SIGTERM with Redis %s ends a node in time, and tells its clients', async (how, stop) => {
  const quick = { REDIS_TIMEOUT_MS: '300', REDIS_LEASE_MS: '1000' };
  const a = await node({ DRAIN_MS: String(DRAIN_MS), ...quick });
  const [host, viewer, old] = [await v2(a), await v2(a), await original(a, 'r')];
  await host.join(roomId(1), 'host');
  await viewer.join(roomId(1), 'viewer');
  // One that never reads what it is sent, the close included.
  old.socket.pause();
  await stop();
  // At once, with commands under way; or when the node has noticed.
  if (how === 'paused') await until(async () => !(await a.ready()));
  const { code, ms } = await a.stop();
  expect(code).toBe(0);
  expect(ms).toBeLessThan(DRAIN_MS + GRACE_MS);
  expect((await host.closed).code).toBe(1012);
  expect((await viewer.closed).code).toBe(1012);
  for (const peer of [host, viewer]) expect(peer.types()).not.toContain('member-left');
});

test('SIGTERM of a node that never reached Redis ends it', async () => {
  await redis.kill();
  const a = await NodeProcess.start({ REDIS_URL: redis.url, DRAIN_MS: String(DRAIN_MS) });
  nodes.push(a);
  expect(await a.ready()).toBe(false);
  const { code, ms } = await a.stop();
  expect(code).toBe(0);
  expect(ms).toBeLessThan(DRAIN_MS + GRACE_MS);
});

test('kill -9 of a node with default settings: its places are free within 20 s', async () => {
  const [doomed, other] = [await node(), await node()];
  const watching = await v2(other);
  await watching.join(roomId(1), 'viewer');
  const [host, one, two] = [
    await v2(doomed),
    await original(doomed, 'r'),
    await original(doomed, 'r'),
  ];
  await host.join(roomId(1), 'host');
  await watching.next('member-joined');
  // What a member says comes after its own join.
  two.send({ type: 'control', action: 'here' });
  await one.next('control');
  await doomed.kill();
  const died = performance.now();
  const early = await v2(other);
  early.send({ type: 'join', room: roomId(1), role: 'host' });
  expect(await early.next('error')).toMatchObject({ code: 'host-slot-taken' });
  expect(await watching.next('member-left')).toMatchObject({ role: 'host', reason: 'lost' });
  expect(performance.now() - died).toBeLessThan(20_000);
  await (await v2(other)).join(roomId(1), 'host');
  const [third, fourth] = [await original(other, 'r'), await original(other, 'r')];
  fourth.send({ type: 'control', action: 'free' });
  expect(await third.next('control')).toMatchObject({ action: 'free' });
  expect(performance.now() - died).toBeLessThan(20_000);
}, 40_000);
