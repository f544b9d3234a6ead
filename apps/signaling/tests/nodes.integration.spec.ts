import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * The service on several nodes, with a real Redis between them.
 */

let redis: RedisServer;
let nodes: TestService[] = [];
let peers: Peer[] = [];
let children: ChildProcess[] = [];
let count = 0;

const settings = () => ({ REDIS_URL: redis.url, REDIS_LEASE_MS: '4000', REDIS_TIMEOUT_MS: '1000' });
async function node(env: Record<string, string> = {}): Promise<TestService> {
  count += 1;
  const made = await startService({ ...settings(), ...env }, { nodeId: `node-${count}` });
  nodes.push(made);
  await until(() => made.service.ready);
  return made;
}
async function v2(at: TestService): Promise<Peer> {
  const peer = await at.v2();
  peers.push(peer);
  return peer;
}
async function original(at: TestService, room: string): Promise<Peer> {
  const peer = await at.original(room);
  peers.push(peer);
  return peer;
}
const readiness = async (at: TestService) => {
  const answer = await fetch(`http://127.0.0.1:${at.service.healthPort}/readyz`);
  return [answer.status, ((await answer.json()) as { bus: string }).bus] as const;
};
const control = (action: number | string) => ({ type: 'control', action: String(action) });
const offer = { type: 'offer', session: 's', sdp: 'x' };

beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  redis.resume();
  for (const child of children) child.kill('SIGKILL');
  for (const peer of peers) peer.socket.terminate();
  await Promise.all(nodes.map((each) => each.close()));
  await redis.close();
  nodes = [];
  peers = [];
  children = [];
});

test('v2: a host and a viewer on two nodes find each other', async () => {
  const [a, b] = [await node(), await node()];
  const [host, viewer] = [await v2(a), await v2(b)];
  const { peerId } = await host.join(roomId(1), 'host');
  const welcome = await viewer.join(roomId(1), 'viewer');
  expect(welcome['members']).toEqual([{ peerId, role: 'host', state: 'connected' }]);
  viewer.send(offer);
  const joined = await host.next('member-joined');
  expect(joined['peerId']).toBe(welcome['peerId']);
  expect(await host.next('offer')).toMatchObject({ from: welcome['peerId'], sdp: 'x' });
  host.send({ type: 'answer', session: 's', sdp: 'y', to: welcome['peerId'] });
  expect(await viewer.next('answer')).toMatchObject({ from: peerId, sdp: 'y' });
  viewer.send({ type: 'leave' });
  expect(await host.next('member-left')).toMatchObject({ reason: 'left' });
});

test('original: 100 offers sent in onopen to another node arrive, and 1000 messages in order', async () => {
  const [a, b] = [await node(), await node()];
  for (let base = 0; base < 100; base += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async (_unused, index) => {
        const room = `room-${base + index}`;
        const receiver = await original(a, room);
        await until(() => a.log.filter((line) => line.includes('"joined"')).length > base + index);
        const sender = new Peer(`${b.url}/?roomId=${room}`, []);
        peers.push(sender);
        sender.socket.once('open', () => sender.send({ type: 'offer', sdp: room }));
        // The receiver may still be joining; then there is nobody yet to send to.
        await until(() => receiver.received.length === 1);
      }),
    );
  }
  const receiver = await original(a, 'order');
  await until(() => a.log.filter((line) => line.includes('"joined"')).length === 101);
  const sender = new Peer(`${b.url}/?roomId=order`, []);
  peers.push(sender);
  sender.socket.once('open', () => {
    for (let each = 0; each < 1000; each += 1) sender.send(control(each));
  });
  await until(() => receiver.received.length === 1000);
  expect(receiver.received).toEqual(Array.from({ length: 1000 }, (_unused, each) => control(each)));
});

test('original: a room of two is full over all nodes', async () => {
  const [a, b] = [await node(), await node()];
  const one = await original(a, 'r');
  await original(b, 'r');
  await until(async () => (await b.metric('signaling_members{state="connected"}')) === 1);
  const third = new Peer(`${a.url}/?roomId=r`, []);
  expect(await third.closed).toEqual({ code: 1000, reason: 'Room is full' });
  one.socket.close();
  await peers[1]?.next('peer-disconnected');
  const again = await original(b, 'r');
  again.send(control('hello'));
  expect(await peers[1]?.next('control')).toEqual(control('hello'));
});

test('a member resumes on another node, with its peer id', async () => {
  const [a, b] = [await node(), await node()];
  const [host, viewer] = [await v2(a), await v2(a)];
  await host.join(roomId(1), 'host');
  const { peerId, resume } = await viewer.join(roomId(1), 'viewer');
  viewer.socket.terminate();
  await host.next('member-detached');
  const again = await v2(b);
  expect(await again.join(roomId(1), 'viewer', { resume })).toMatchObject({
    peerId,
    resume,
    resumed: true,
  });
  await host.next('member-resumed');
  host.send({ ...control('still'), to: peerId });
  expect(await again.next('control')).toMatchObject(control('still'));
});

test('300 sockets that close while they join leave nothing in Redis', async () => {
  const [a, b] = [await node(), await node()];
  for (let base = 0; base < 300; base += 50) {
    const some = Array.from({ length: 50 }, (_unused, index) => {
      const at = index % 2 === 0 ? a : b;
      return new Peer(`${at.url}/?roomId=busy-${index % 5}`, []);
    });
    for (const peer of some) peer.socket.once('open', () => peer.socket.terminate());
    await Promise.all(some.map((peer) => peer.closed));
  }
  await until(async () => {
    const keys = (await redis.command('keys', 'peerdeck:*:room')) as string[];
    return keys.length === 0;
  });
});

test('two local peers cost Redis nothing, two on two nodes at most a message each', async () => {
  const [a, b] = [await node(), await node()];
  const commands = async (at: TestService) => {
    const names = ['publish', 'join', 'leave', 'sync'];
    const lines = names.map((name) => `signaling_redis_commands_total{command="${name}"}`);
    const values = await Promise.all(lines.map((line) => at.metric(line)));
    return values.reduce((sum, value) => sum + value, 0);
  };
  const [host, near, far] = [await v2(a), await v2(a), await v2(b)];
  await host.join(roomId(1), 'host');
  await near.join(roomId(1), 'viewer');
  await far.join(roomId(1), 'viewer');
  const before = [await commands(a), await commands(b)];
  for (let each = 0; each < 1000; each += 1) near.send(control(each));
  await until(() => host.types().filter((type) => type === 'control').length === 1000);
  // The lease's own beats are all there may be.
  expect((await commands(a)) - (before[0] ?? 0)).toBeLessThan(20);
  for (let each = 0; each < 1000; each += 1) far.send(control(each));
  await until(() => host.types().filter((type) => type === 'control').length === 2000);
  expect((await commands(b)) - (before[1] ?? 0)).toBeLessThanOrEqual(1020);
});

test('kill -9 of a node: its members are told of as lost, and their places are free', async () => {
  const a = await node();
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@peerdeck/source', main], {
    cwd: tmpdir(),
    env: {
      ...{ PATH: process.env['PATH'], HOST: '127.0.0.1', WS_PORT: '0', HEALTH_PORT: '0' },
      ...settings(),
    },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  const { port } = await new Promise<{ port: number }>((resolve) =>
    child.once('message', (message) => resolve(message as { port: number })),
  );
  const viewer = await v2(a);
  await viewer.join(roomId(1), 'viewer');
  const host = await Peer.open(`ws://127.0.0.1:${port}`, ['peerdeck.v2']);
  await host.join(roomId(1), 'host');
  await viewer.next('member-joined');
  const stay = await original(a, 'r');
  const doomed = await Peer.open(`ws://127.0.0.1:${port}/?roomId=r`, []);
  // What a member says comes after the word that it joined.
  doomed.send(control('here'));
  await stay.next('control');
  child.kill('SIGKILL');
  await Promise.all([host.closed, doomed.closed]);
  expect(await viewer.next('member-left')).toMatchObject({ role: 'host', reason: 'lost' });
  await stay.next('peer-disconnected');
  const next = await v2(a);
  await next.join(roomId(1), 'host');
  expect(await a.metric('signaling_redis_events_total{event="reaped"}')).toBe(2);
});

describe('without Redis', () => {
  const outages: [string, () => Promise<void> | void, () => Promise<void> | void][] = [
    ['killed', () => redis.kill(), () => redis.restart()],
    ['paused', () => redis.pause(), () => redis.resume()],
  ];
  test.each(outages)(
    '%s: local rooms go on, others hear so, and all comes back',
    async (...row) => {
      const [, stop, begin] = row;
      const [a, b] = [await node(), await node()];
      const [host, viewer, far] = [await v2(a), await v2(a), await v2(b)];
      await host.join(roomId(1), 'host');
      await viewer.join(roomId(1), 'viewer');
      const lone = await v2(a);
      await lone.join(roomId(2), 'host');
      await far.join(roomId(1), 'viewer');
      await stop();
      for (let each = 0; each < 200; each += 1) viewer.send(control(each));
      await until(() => host.types().filter((type) => type === 'control').length === 200);
      await until(async () => (await readiness(a))[0] === 503);
      expect((await readiness(a))[1]).toContain('redis');
      // What a proxy asks that has no node which is ready: this one serves what it can.
      for (const path of ['/healthz', '/servez']) {
        const answer = await fetch(`http://127.0.0.1:${a.service.healthPort}${path}`);
        expect([path, answer.status]).toEqual([path, 200]);
      }
      const stranger = await v2(b);
      stranger.send({ type: 'join', room: roomId(9), role: 'host' });
      const refused = await stranger.next('error');
      expect(refused).toMatchObject({ code: 'unavailable', fatal: true });
      expect(refused['retryAfterMs']).toBeGreaterThan(0);
      expect((await stranger.closed).code).toBe(1013);
      const local = await v2(a);
      await local.join(roomId(2), 'viewer');
      await lone.next('member-joined');
      for (let each = 200; each < 300; each += 1) viewer.send(control(each));
      await until(() => host.types().filter((type) => type === 'control').length === 300);
      await begin();
      await until(() => a.service.ready && b.service.ready);
      far.send(offer);
      await host.next('offer');
      // What joined meanwhile is known everywhere now.
      await until(async () => {
        const stored = (await redis.command('hvals', `peerdeck:{${roomId(2)}}:room`)) as string[];
        return stored.filter((value) => value.includes('"viewer"')).length === 1;
      });
      for (const peer of [host, viewer, lone, far, local]) {
        expect(peer.closeCode).toBeUndefined();
        expect(peer.types()).not.toContain('member-left');
      }
    },
  );

  test('a node that is told to stop does so', async () => {
    const a = await node();
    const host = await v2(a);
    await host.join(roomId(1), 'host');
    redis.pause();
    await until(async () => (await readiness(a))[0] === 503);
    await a.service.drain();
    expect((await host.closed).code).toBe(1012);
  });

  test('a node that starts waits for it, not ready', async () => {
    await redis.kill();
    count += 1;
    const a = await startService(settings(), { nodeId: `node-${count}` });
    nodes.push(a);
    expect((await readiness(a))[0]).toBe(503);
    await redis.restart();
    await until(() => a.service.ready);
  });
});

test('a loss of all data: sessions assert their places before anybody gets them', async () => {
  const [a, b] = [await node(), await node()];
  const one = await original(a, 'r');
  const two = await original(b, 'r');
  await until(async () => {
    const members = 'signaling_members{state="connected"}';
    return (await a.metric(members)) + (await b.metric(members)) === 2;
  });
  await redis.command('flushall');
  const third = new Peer(`${a.url}/?roomId=r`, []);
  const fourth = new Peer(`${b.url}/?roomId=r`, []);
  for (const peer of [third, fourth]) expect([1000, 1013]).toContain((await peer.closed).code);
  await until(async () => {
    const stored = (await redis.command('hkeys', 'peerdeck:{r}:room')) as string[];
    return stored.filter((field) => field.startsWith('m:')).length === 2;
  });
  await until(() => a.service.ready && b.service.ready);
  // Until every node has had the time to assert its own, joins are put off.
  await until(async () => {
    const { code } = await new Peer(`${a.url}/?roomId=r`, []).closed;
    expect([1000, 1013]).toContain(code);
    return code === 1000;
  });
  one.send(control('still'));
  expect(await two.next()).toEqual(control('still'));
  expect(one.closeCode).toBeUndefined();
});

test('a drain hands places over: nobody hears of a loss, and both come back on the other node', async () => {
  const [a, b] = [await node(), await node()];
  const host = await v2(b);
  await host.join(roomId(1), 'host');
  const viewer = await v2(a);
  const { resume, peerId } = await viewer.join(roomId(1), 'viewer');
  const old = await original(a, 'r');
  const other = await original(b, 'r');
  const members = 'signaling_members{state="connected"}';
  await until(async () => (await a.metric(members)) + (await b.metric(members)) === 4);
  const draining = a.service.drain();
  expect((await old.closed).code).toBe(1012);
  expect((await viewer.closed).code).toBe(1012);
  const [again, oldAgain] = [await v2(b), await original(b, 'r')];
  expect(await again.join(roomId(1), 'viewer', { resume })).toMatchObject({
    peerId,
    resumed: true,
  });
  oldAgain.send(control('back'));
  expect(await other.next()).toEqual(control('back'));
  await draining;
  await host.settle();
  expect(host.types()).not.toContain('member-left');
  expect(other.types()).not.toContain('peer-disconnected');
});
