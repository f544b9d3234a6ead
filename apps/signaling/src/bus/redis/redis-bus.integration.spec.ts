import { Registry } from 'prom-client';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { NO_SPAN } from '../../tracing/span.ts';
import { systemRandom } from '../../base/random.ts';
import type { JoinRequest, MemberRole, RoomMember, Removal } from '../../rooms/room.ts';
import { until } from '../../testing/harness.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';
import type { BusListener, JoinOutcome, RoomEvent } from '../bus.ts';
import { RedisMetrics } from './metrics.ts';
import { RedisBus } from './redis-bus.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.close());

/** One node, and all that its connections were told. */
class Node implements BusListener {
  readonly bus: RedisBus;
  readonly told: [string, string][] = [];
  readonly registry = new Registry();

  constructor(
    nodeId: string,
    more: { leaseMs?: number; detachMs?: number; syncEveryMs?: number } = {},
  ) {
    const metrics = new RedisMetrics(this.registry, {
      breaker: () => this.bus.breaker,
      ready: () => this.bus.health().ready,
    });
    this.bus = new RedisBus({
      nodeId,
      clock: systemClock,
      random: systemRandom,
      log: createLogger({ level: 'silent', pretty: false, nodeId }),
      tracing: { start: () => NO_SPAN },
      metrics: () => metrics,
      limits: { originalCapacity: 2, maxMembers: 4 },
      detachMs: more.detachMs ?? 60_000,
      emptyRoomMs: 60_000,
      roomTtlMs: 180_000,
      urls: [redis.url],
      cluster: false,
      prefix: 'test',
      leaseMs: more.leaseMs ?? 10_000,
      timeoutMs: 1000,
      ...(more.syncEveryMs === undefined ? {} : { syncEveryMs: more.syncEveryMs }),
    });
    this.bus.listen(this);
  }

  removed(connectionId: string, why: Removal): void {
    this.told.push([connectionId, `removed ${why}`]);
  }

  frame(connectionId: string, frame: string): boolean {
    this.told.push([connectionId, frame]);
    return true;
  }

  event(connectionId: string, event: RoomEvent): void {
    const reason = event.type === 'left' ? ` ${event.reason}` : '';
    this.told.push([connectionId, `${event.type} ${event.member.peerId}${reason}`]);
  }

  replaced(connectionId: string): void {
    this.told.push([connectionId, 'replaced']);
  }

  lost(connectionId: string): void {
    this.told.push([connectionId, 'lost']);
  }

  heard(connectionId: string): string[] {
    return this.told.filter(([id]) => id === connectionId).map(([, text]) => text);
  }
}

let rooms = 0;
let room: string;
let nodes: Node[] = [];
const node = async (nodeId: string, more = {}) => {
  const made = new Node(nodeId, more);
  nodes.push(made);
  await made.bus.start();
  expect(made.bus.health()).toEqual({ ready: true, detail: 'ok' });
  return made;
};
let a: Node;
let b: Node;
beforeEach(async () => {
  rooms += 1;
  room = `room-${rooms}`;
  a = await node(`a${rooms}`);
  b = await node(`b${rooms}`);
});
afterEach(async () => {
  await Promise.all(nodes.map(({ bus }) => bus.close()));
  nodes = [];
});

const join = (
  at: Node,
  id: string,
  role: MemberRole,
  more: Partial<JoinRequest> = {},
): Promise<JoinOutcome> =>
  at.bus.join({
    room,
    kind: role === 'peer' ? 'original' : 'v2',
    role,
    nodeId: at.bus.nodeId,
    connectionId: `c-${id}`,
    peerId: id,
    resume: `token-${id}`,
    origin: `origin-${id}`,
    ...more,
  });
const enter = async (...args: Parameters<typeof join>): Promise<RoomMember> => {
  const outcome = await join(...args);
  if (!outcome.ok) throw new Error(outcome.code);
  return outcome.member;
};
const mirrored = (at: Node) => [...(at.bus.room(room)?.members.keys() ?? [])];

test('members on two nodes hear of each other, and frames arrive in order after the join', async () => {
  await enter(a, 'host', 'host');
  const viewer = await enter(b, 'viewer', 'viewer');
  const [host] = [...(b.bus.room(room)?.members.values() ?? [])];
  expect(host).toMatchObject({ peerId: 'host', nodeId: a.bus.nodeId });
  const frames = Array.from({ length: 500 }, (_unused, count) => `{"n":${count}}`);
  for (const frame of frames) b.bus.send(host as RoomMember, frame);
  await until(() => a.told.length === 501);
  expect(a.heard('c-host')).toEqual(['joined viewer', ...frames]);
  await b.bus.leave(room, viewer, 'left');
  await until(() => a.told.length === 502);
  expect(a.heard('c-host').at(-1)).toBe('left viewer left');
  expect(b.bus.room(room)).toBeUndefined();
  expect(mirrored(a)).toEqual(['host']);
});

test('capacity counts the members of all nodes', async () => {
  const first = await enter(a, 'one', 'peer');
  await enter(b, 'two', 'peer');
  expect(await join(a, 'three', 'peer')).toEqual({ ok: false, code: 'room-full' });
  expect(await join(b, 'viewer', 'viewer')).toEqual({ ok: false, code: 'wrong-room-kind' });
  await a.bus.leave(room, first, 'left');
  await enter(b, 'three', 'peer');
  expect(mirrored(b)).toEqual(['two', 'three']);
});

test('who has proven nothing gives way, on whichever node it is, and whoever was admitted stays', async () => {
  await enter(a, 'host', 'host', { hostKey: 'key' });
  for (const id of ['one', 'two', 'three']) await enter(b, id, 'viewer', { origin: 'flood' });
  await until(() => mirrored(a).length === 4);
  await a.bus.admit(room, 'two');
  await until(() => b.bus.room(room)?.members.get('two')?.admitted === true);
  await enter(a, 'owner', 'viewer');
  await until(() => b.heard('c-one').at(-1) === 'removed evicted');
  await until(() => a.heard('c-host').includes('joined owner'));
  expect(a.heard('c-host')).toEqual(
    expect.arrayContaining(['left one lost', 'joined owner']) as string[],
  );
  await a.bus.admit(room, 'owner');
  await until(() => b.bus.room(room)?.members.get('owner')?.admitted === true);
  // The flood pushes out its own.
  await enter(b, 'four', 'viewer', { origin: 'flood' });
  await until(() => b.heard('c-three').at(-1) === 'removed evicted');
  await b.bus.admit(room, 'four');
  expect(await join(b, 'five', 'viewer')).toEqual({ ok: false, code: 'room-full' });
});

test('a viewer that the host removes is out on its own node, and its address stays out', async () => {
  await enter(a, 'host', 'host', { hostKey: 'key' });
  await enter(b, 'viewer', 'viewer', { origin: 'bad' });
  await until(() => mirrored(a).length === 2);
  await a.bus.kick(room, 'viewer', 60_000);
  await until(() => b.heard('c-viewer').length > 0);
  expect(b.heard('c-viewer')).toEqual(['removed kicked']);
  expect(a.heard('c-host').at(-1)).toBe('left viewer kicked');
  for (const at of [a, b]) {
    const again = { origin: 'bad', resumeFrom: 'token-viewer' };
    expect(await join(at, 'again', 'viewer', again)).toEqual({ ok: false, code: 'kicked' });
  }
  await enter(b, 'other', 'viewer');
});

test('one host over all nodes; its key takes the slot over from another node', async () => {
  await enter(a, 'host', 'host', { hostKey: 'key' });
  await enter(a, 'viewer', 'viewer');
  expect(await join(b, 'thief', 'host')).toEqual({ ok: false, code: 'host-slot-taken' });
  const other = { hostKey: 'other' };
  expect(await join(b, 'thief', 'host', other)).toEqual({ ok: false, code: 'host-slot-taken' });
  await enter(b, 'again', 'host', { hostKey: 'key' });
  await enter(b, 'second', 'viewer');
  await until(() => a.heard('c-viewer').length === 3);
  expect(a.heard('c-host')).toEqual(['joined viewer', 'replaced']);
  expect(a.heard('c-viewer')).toEqual(['left host replaced', 'joined again', 'joined second']);
});

test('an empty room stays bound to its host key', async () => {
  const host = await enter(a, 'host', 'host', { hostKey: 'key' });
  await a.bus.leave(room, host, 'left');
  expect(await join(b, 'thief', 'host')).toEqual({ ok: false, code: 'host-slot-taken' });
  await enter(b, 'again', 'host', { hostKey: 'key' });
});

test('a member that is away comes back on another node, and its old connection can do nothing', async () => {
  await enter(a, 'host', 'host');
  const viewer = await enter(a, 'viewer', 'viewer');
  await a.bus.detach(room, viewer);
  const wrong = await join(b, 'x', 'viewer', { resumeFrom: 'token-guess', connectionId: 'c-x' });
  expect(wrong).toMatchObject({ ok: true, resumed: false });
  const back = await join(b, 'new', 'viewer', { resumeFrom: 'token-viewer' });
  expect(back).toMatchObject({ ok: true, resumed: true });
  if (!back.ok) throw new Error();
  expect(back.member).toMatchObject({ peerId: 'viewer', resume: 'token-viewer' });
  await a.bus.leave(room, viewer, 'left');
  await until(() => a.heard('c-host').length === 4);
  const told = ['joined viewer', 'detached viewer', 'joined x', 'resumed viewer'];
  expect(a.heard('c-host').toSorted()).toEqual(told.toSorted());
  expect(mirrored(a)).toEqual(['host', 'viewer', 'x']);
});

test('a takeover from another node closes the connection that lost its place', async () => {
  await enter(a, 'host', 'host');
  await enter(b, 'new', 'host', { resumeFrom: 'token-host' });
  await until(() => a.told.length === 1);
  expect(a.heard('c-host')).toEqual(['replaced']);
  await until(() => a.bus.room(room) === undefined);
});

test('who does not come back is lost', async () => {
  const quick = await node(`quick${rooms}`, { detachMs: 50 });
  await enter(a, 'host', 'host');
  await quick.bus.detach(room, await enter(quick, 'viewer', 'viewer'));
  await until(() => a.heard('c-host').length === 3);
  expect(a.heard('c-host')).toEqual(['joined viewer', 'detached viewer', 'left viewer lost']);
});

test('Redis never holds a resume token', async () => {
  await enter(a, 'host', 'host');
  const stored = await redis.command('hgetall', `test:{${room}}:room`);
  expect(JSON.stringify(stored)).not.toContain('token-host');
});

test('100 joins and leaves of both nodes at once leave no ghost', async () => {
  await Promise.all(
    Array.from({ length: 100 }, async (_unused, count) => {
      const at = count % 2 === 0 ? a : b;
      const outcome = await join(at, `p${count}`, 'peer');
      if (outcome.ok) await at.bus.leave(room, outcome.member, 'left');
    }),
  );
  await until(() => a.bus.room(room) === undefined && b.bus.room(room) === undefined);
  expect(await redis.command('exists', `test:{${room}}:room`)).toBe(0);
});

test('a node that hands its places over tells nobody, and others can have them', async () => {
  const one = await enter(a, 'one', 'peer');
  await enter(b, 'two', 'peer');
  await a.bus.handOver(room, one);
  await enter(b, 'three', 'peer');
  expect(b.heard('c-two')).toEqual(['joined three']);
});

test('a node that finds its lease gone asserts its rooms again, and nobody hears of it', async () => {
  const shaky = await node(`shaky${rooms}`, { leaseMs: 1000 });
  await enter(shaky, 'host', 'host', { hostKey: 'key' });
  await enter(b, 'viewer', 'viewer');
  // As others leave it behind that took the node for dead.
  await redis.command('del', `test:{shaky${rooms}}:lease`);
  await redis.command('hdel', `test:{${room}}:room`, 'm:host');
  await until(async () => (await redis.command('hexists', `test:{${room}}:room`, 'm:host')) === 1);
  await until(() => shaky.bus.health().ready);
  expect(shaky.heard('c-host')).toEqual(['joined viewer']);
  expect(b.heard('c-viewer')).toEqual([]);
  expect(await join(b, 'thief', 'host')).toMatchObject({ ok: false });
});

describe('a room that rests', () => {
  const key = () => `test:{${room}}:room`;
  const commands = async (at: Node, command: string): Promise<number> => {
    const text = await at.registry.getSingleMetricAsString('signaling_redis_commands_total');
    return Number(new RegExp(`command="${command}"\\} (\\d+)`).exec(text)?.[1]);
  };

  it('is renewed in Redis by one small command', async () => {
    const c = await node(`c${rooms}`, { leaseMs: 1000, syncEveryMs: 100 });
    await enter(c, 'h', 'host');
    const before = await commands(c, 'sync');
    await redis.command('pexpire', key(), 60_000);
    await until(async () => Number(await redis.command('pttl', key())) > 60_000);
    await until(async () => (await commands(c, 'renew')) > 2);
    expect(await commands(c, 'sync')).toBe(before);
  });

  it('is brought together where Redis has it otherwise', async () => {
    const c = await node(`c${rooms}`, { leaseMs: 1000, syncEveryMs: 100 });
    await enter(c, 'h', 'host');
    await redis.command('del', key());
    await until(async () => (await redis.command('hexists', key(), 'm:h')) === 1);
    expect(c.heard('c-h')).toEqual([]);
  });
});
