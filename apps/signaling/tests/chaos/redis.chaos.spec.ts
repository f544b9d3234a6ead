import type { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { roomId, until } from '../../src/testing/harness.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import type { Message, Peer } from '../../src/testing/peer.ts';
import { Stage } from '../../src/testing/stage.ts';
import { Stream } from '../../src/testing/stream.ts';

/*
 * Two nodes, and a line from each to one Redis, on which all goes wrong in turn. What all members
 * of a room on one node say to each other arrives meanwhile, each message, once and in order.
 */

let stage: Stage;
let lines: FaultProxy[];
let nodes: NodeProcess[];
beforeAll(async () => {
  stage = await Stage.open({ REDIS_LEASE_MS: '6000', REDIS_TIMEOUT_MS: '700', DETACH_MS: '1000' });
  lines = await Promise.all([stage.proxy(stage.redis.port), stage.proxy(stage.redis.port)]);
  nodes = await Promise.all(
    lines.map(({ port }) => stage.node({ REDIS_URL: `redis://127.0.0.1:${port}` })),
  );
}, 60_000);
afterAll(() => stage.close());

interface Outage {
  readonly name: string;
  readonly begin: () => Promise<unknown> | void;
  readonly end: () => Promise<unknown> | void;
}

const all = (action: (line: FaultProxy) => void) => () => {
  for (const line of lines) action(line);
};
const heal = all((line) => line.heal());

const outages: readonly Outage[] = [
  {
    name: 'stopped, and started again with nothing in it',
    begin: () => stage.redis.kill(),
    end: () => stage.redis.restart(),
  },
  { name: 'paused', begin: () => stage.redis.pause(), end: () => stage.redis.resume() },
  {
    name: 'behind a line that takes what nodes say, and brings nothing back',
    begin: all((line) => line.set({ blackhole: true }, 'down')),
    end: heal,
  },
  {
    name: 'behind a line that loses what nodes say',
    begin: all((line) => line.set({ blackhole: true }, 'up')),
    end: heal,
  },
  {
    name: 'cut off in the middle of each of its answers',
    begin: all((line) => line.set({ cutAfterBytes: 7 }, 'down')),
    end: heal,
  },
];

let rooms = 0;
const newRoom = () => {
  rooms += 1;
  return roomId(rooms);
};
const enter: Stage['enter'] = (...where) => stage.enter(...where);
const controls = (peer: Peer) => peer.received.filter(({ type }) => type === 'control').length;
const leaves = (peer: Peer) =>
  peer
    .types()
    .filter((type) => ['member-left', 'peer-disconnected', 'member-detached'].includes(type));

interface Scene {
  readonly near: { readonly room: string; readonly host: Peer; readonly viewer: Peer };
  readonly lone: { readonly room: string; readonly host: Peer };
  readonly far: { readonly room: string; readonly host: Peer; readonly viewer: Peer };
  readonly old: { readonly room: string; readonly one: Peer; readonly two: Peer };
  readonly peers: readonly Peer[];
}

/** Rooms within the first node, and one over both. */
async function scene(): Promise<Scene> {
  const [a, b] = nodes as [NodeProcess, NodeProcess];
  const [near, lone, far, old] = [newRoom(), newRoom(), newRoom(), `old-${rooms}`];
  const made = {
    near: {
      room: near,
      host: await enter(a, near, 'host'),
      viewer: await enter(a, near, 'viewer'),
    },
    lone: { room: lone, host: await enter(a, lone, 'host') },
    far: { room: far, host: await enter(a, far, 'host'), viewer: await enter(b, far, 'viewer') },
    old: { room: old, one: await stage.original(a, old), two: await stage.original(a, old) },
  };
  await made.far.host.next('member-joined');
  await until(async () => (await stage.rooms()).get(old)?.length === 2);
  const peers = Object.values(made).flatMap((each) =>
    Object.values<Peer | string>(each).filter((part) => typeof part !== 'string'),
  );
  return { ...made, peers };
}

async function ready(): Promise<void> {
  await until(
    async () => (await Promise.all(nodes.map((node) => node.ready()))).every(Boolean),
    30_000,
  );
  for (const node of nodes) {
    expect(await node.metric('signaling_redis_breaker{state="closed"}')).toBe(1);
  }
}

/** A question to the other node and its answer, each sent once. */
async function exchange({ far }: Scene): Promise<void> {
  const before = [controls(far.host), controls(far.viewer)] as const;
  far.viewer.send({ type: 'control', action: 'there' });
  await until(() => controls(far.host) === before[0] + 1);
  far.host.send({ type: 'control', action: 'back' });
  await until(() => controls(far.viewer) === before[1] + 1);
}

async function refused(at: NodeProcess): Promise<Message> {
  const stranger = await stage.v2(at);
  stranger.send({ type: 'join', room: newRoom(), role: 'host' });
  const error = await stranger.next('error');
  expect((await stranger.closed).code).toBe(1013);
  return error;
}

/** Everybody leaves, and nothing of the rooms is left but keys that end by themselves. */
async function empty({ peers, near, lone, far, old }: Scene, more: readonly Peer[]): Promise<void> {
  for (const peer of [...peers, ...more]) peer.socket.close(1000);
  await until(async () => {
    const stored = await stage.rooms();
    return [near, lone, far, old].every(({ room }) => !stored.has(room));
  });
}

test.each(outages)(
  'Redis is $name',
  async ({ begin, end }) => {
    const [a, b] = nodes as [NodeProcess, NodeProcess];
    await ready();
    const set = await scene();
    const streams = [
      new Stream(set.near.viewer, set.near.host),
      new Stream(set.near.host, set.near.viewer),
      new Stream(set.old.one, set.old.two),
    ];
    await begin();
    await until(async () => !(await a.ready()) && !(await b.ready()));
    for (const node of nodes) expect((await node.ask('/healthz')).status).toBe(200);
    for (const node of nodes) {
      const error = await refused(node);
      expect(error).toMatchObject({ code: 'unavailable', fatal: true });
      expect(error['retryAfterMs']).toBeGreaterThan(0);
    }
    await until(async () => (await a.metric('signaling_redis_breaker{state="closed"}')) === 0);
    // Rooms of one node are its own: members come and go.
    const guest = await enter(a, set.lone.room, 'viewer');
    await set.lone.host.next('member-joined');
    const second = await enter(a, set.lone.room, 'viewer');
    second.send({ type: 'leave' });
    expect(await guest.next('member-joined').catch(() => undefined)).toBeDefined();
    expect(await set.lone.host.next('member-left')).toMatchObject({ reason: 'left' });
    await until(() => streams.every(({ sent }) => sent > 50));
    await end();
    await ready();
    for (const stream of streams) await stream.complete();
    await exchange(set);
    const newcomer = await enter(b, set.lone.room, 'viewer');
    const { members } = newcomer.received[1] as unknown as { members: { role: string }[] };
    expect(members.map(({ role }) => role).sort()).toEqual(['host', 'viewer']);
    for (const peer of set.peers) {
      expect(peer.closeCode).toBeUndefined();
      expect(leaves(peer)).toHaveLength(peer === set.lone.host ? 1 : 0);
    }
    await empty(set, [guest, newcomer]);
  },
  60_000,
);

test('Redis is slow: all works, later', async () => {
  await ready();
  const set = await scene();
  const stream = new Stream(set.near.viewer, set.near.host);
  for (const line of lines) line.set({ latencyMs: 200, jitterMs: 50 });
  await exchange(set);
  const guest = await enter(nodes[1] as NodeProcess, set.lone.room, 'viewer');
  await set.lone.host.next('member-joined');
  const ordered = new Stream(guest, set.lone.host);
  await until(() => ordered.sent > 100);
  await ordered.complete();
  for (const node of nodes) expect(await node.ready()).toBe(true);
  heal();
  await stream.complete();
  await exchange(set);
  for (const peer of set.peers) expect(leaves(peer)).toEqual([]);
  await empty(set, [guest]);
}, 60_000);

test('Redis loses all: sessions assert their places, and nobody hears of a leave', async () => {
  await ready();
  const set = await scene();
  const streams = [
    new Stream(set.near.viewer, set.near.host),
    new Stream(set.old.one, set.old.two),
    new Stream(set.far.viewer, set.far.host),
  ];
  await stage.redis.command('flushall');
  await until(async () => {
    const stored = await stage.rooms();
    const sizes = [set.near, set.lone, set.far, set.old].map(
      ({ room }) => stored.get(room)?.length,
    );
    return sizes.join() === '2,1,2,2';
  });
  await ready();
  for (const stream of streams) await stream.complete();
  await exchange(set);
  for (const peer of set.peers) {
    expect(peer.closeCode).toBeUndefined();
    expect(leaves(peer)).toEqual([]);
  }
  await empty(set, []);
}, 60_000);
