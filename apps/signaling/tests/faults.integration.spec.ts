import { Redis } from 'ioredis';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * What goes wrong between signaling servers: each of these was seen in one.
 */

let redis: RedisServer;
let nodes: TestService[];
beforeEach(async () => {
  redis = await RedisServer.start();
  const env = { REDIS_URL: redis.url, REDIS_LEASE_MS: '6000', REDIS_TIMEOUT_MS: '2000' };
  nodes = await Promise.all(
    ['a', 'b', 'c'].map((name) => startService(env, { nodeId: `node-${name}` })),
  );
  await until(() => nodes.every(({ service }) => service.ready));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await redis.close();
});

test('a message goes to the node of its receiver, and no node listens to what others get', async () => {
  const heard = new Map<string, number>();
  const observer = new Redis(redis.port, '127.0.0.1');
  const [a, b, c] = nodes as [TestService, TestService, TestService];
  // Nobody has a pattern; each node has a channel of its own.
  expect(await redis.command('pubsub', 'numpat')).toBe(0);
  const channels = (await redis.command('pubsub', 'channels')) as string[];
  expect(channels).toHaveLength(3);
  for (const channel of channels) {
    expect(await redis.command('pubsub', 'numsub', channel)).toEqual([channel, 1]);
  }
  await observer.psubscribe('*');
  observer.on('pmessage', (_pattern: string, channel: string) => {
    heard.set(channel, (heard.get(channel) ?? 0) + 1);
  });
  const host = await a.v2();
  await host.join(roomId(1), 'host');
  const viewer = await b.v2();
  await viewer.join(roomId(1), 'viewer');
  await host.next('member-joined');
  // Two on one node, meanwhile.
  const alone = [
    await Peer.open(`${c.url}/?roomId=r`, []),
    await Peer.open(`${c.url}/?roomId=r`, []),
  ];
  await until(async () => (await c.metric('signaling_members{state="connected"}')) === 2);
  heard.clear();
  for (let count = 0; count < 500; count += 1) {
    viewer.send({ type: 'control', action: String(count) });
    alone[0]?.send({ type: 'control', action: String(count) });
  }
  for (let count = 0; count < 500; count += 1) {
    expect((await host.next('control'))['action']).toBe(String(count));
    expect((await alone[1]?.next())?.['action']).toBe(String(count));
  }
  expect([...heard.keys()]).toEqual([channels.find((channel) => channel.includes('node-a'))]);
  expect([...heard.values()][0]).toBeLessThanOrEqual(500);
  expect(await c.metric('signaling_messages_relayed_total{type="control",path="local"}')).toBe(500);
  expect(await b.metric('signaling_messages_relayed_total{type="control",path="remote"}')).toBe(
    500,
  );
  observer.disconnect();
  for (const peer of [host, viewer, ...alone]) peer.socket.terminate();
});

test('no key stays for ever: each has an end, or is one of the few that nodes renew', async () => {
  const [a, b] = nodes as [TestService, TestService];
  const host = await a.v2();
  await host.join(roomId(1), 'host');
  const viewer = await b.v2();
  await viewer.join(roomId(1), 'viewer');
  await Peer.open(`${a.url}/?roomId=r`, []);
  viewer.send({ type: 'control', action: 'x' });
  await host.next('control');
  const keys = (await redis.command('keys', '*')) as string[];
  expect(keys.some((key) => key.endsWith(':room'))).toBe(true);
  const endless: string[] = [];
  for (const key of keys) if ((await redis.command('pttl', key)) === -1) endless.push(key);
  // The list of nodes, from which the dead are taken by those that live.
  expect(endless.filter((key) => !/^peerdeck:(nodes|\{.*\}:rooms)$/.test(key))).toEqual([]);
});
