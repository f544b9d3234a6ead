/**
 * What rooms cost Redis: starts one of its own, has two nodes' commands go through real rooms, and
 * reads CPU and memory off it. `npm run capacity -- --measure` runs it as a process:
 *
 *   node --conditions=@peerdeck/source redis-costs.ts ROOMS
 *
 * and reads the one line of JSON that it prints.
 */
import { Registry } from 'prom-client';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Link } from '../../src/bus/redis/link.ts';
import { RedisMetrics } from '../../src/bus/redis/metrics.ts';
import { Store } from '../../src/bus/redis/store.ts';
import type { JoinRequest, RoomMember } from '../../src/rooms/room.ts';

/** Microseconds of Redis' CPU for each; tools/capacity/costs.ts says what each one is. */
export interface RedisCosts {
  readonly joinUs: number;
  readonly leaveUs: number;
  readonly syncUs: number;
  readonly renewUs: number;
  readonly publishUs: number;
  readonly commandUs: number;
  readonly bytesPerRoom: number;
}

const AT_A_TIME = 200;
const MESSAGE_BYTES = 1024;
const TIMEOUT_MS = 10_000;

/** One connection, as a node has it. */
class Rig {
  readonly #link: Link;
  readonly store: Store;

  constructor(nodeId: string, url: string) {
    const metrics = new RedisMetrics(new Registry(), {
      breaker: () => this.#link.breaker.state,
      ready: () => true,
    });
    this.#link = new Link({
      ...{ urls: [url], cluster: false, clock: systemClock, random: systemRandom },
      ...{ metrics: () => metrics, timeoutMs: TIMEOUT_MS, channel: `measure:node:${nodeId}` },
      onItem: () => {},
      onReady: () => {},
      onGap: () => {},
      onError: () => {},
    });
    const limits = { originalCapacity: 2, maxMembers: 17 };
    this.store = new Store({
      ...{ link: this.#link, nodeId, prefix: 'measure', limits },
      ...{ leaseMs: 600_000, roomTtlMs: 600_000, emptyRoomMs: 120_000 },
    });
  }

  async open(): Promise<void> {
    this.#link.start();
    while (!this.#link.subscribed) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.store.renewLease('measure');
  }

  publish(nodeId: string, text: string): void {
    this.#link.publish(this.store.channel(nodeId), text);
    this.#link.flush();
  }

  close(): void {
    this.#link.close();
  }
}

/** CPU and memory of a Redis for each kind of command, from `rooms` real ones. */
export async function measureRedis(rooms: number): Promise<RedisCosts> {
  const redis = await RedisServer.start();
  const rigs = [new Rig('a', redis.url), new Rig('b', redis.url)] as const;
  const [a, b] = rigs;
  const cost = async (
    work: (index: number) => Promise<unknown>,
    atATime = AT_A_TIME,
  ): Promise<number> => {
    const before = await cpuUs(redis);
    for (let first = 0; first < rooms; first += atATime) {
      const some = Array.from({ length: Math.min(atATime, rooms - first) }, (_, i) => first + i);
      await Promise.all(some.map(work));
    }
    return ((await cpuUs(redis)) - before) / rooms;
  };
  try {
    await Promise.all(rigs.map((rig) => rig.open()));
    const empty = await usedBytes(redis);
    const hosts: RoomMember[] = [];
    const versions: number[] = [];
    const hostJoin = await cost(async (i) => {
      const request = member(i, 'host', 'a');
      hosts[i] = { ...request, state: 'connected', admitted: false } as RoomMember;
      await Promise.all([a.store.lease('a'), a.store.addRoom(request.room), a.store.join(request)]);
    });
    const viewerJoin = await cost(async (i) => {
      const request = member(i, 'viewer', 'b');
      const asked = b.store.join(request);
      await Promise.all([b.store.lease('b'), b.store.addRoom(request.room), asked]);
      versions[i] = (await asked).version;
    });
    const bytesPerRoom = ((await usedBytes(redis)) - empty) / rooms;
    const renewOne = async (i: number) => {
      if (!(await a.store.renew(roomName(i), versions[i] ?? 0))) throw new Error('not renewed');
    };
    const renewUs = await cost(renewOne);
    const commandUs = Math.max(0, (await cost(renewOne, 1)) - renewUs);
    const sync = await cost(async (i) => {
      const host = hosts[i];
      if (host === undefined) throw new Error('no host');
      const claim = { room: roomName(i), nodeId: 'a', kind: 'v2' as const };
      const bound = { hostKey: HOST_KEY, maxViewers: undefined, members: [host] };
      await Promise.all([
        a.store.sync({ ...claim, ...bound }),
        a.store.lease('a'),
        a.store.addRoom(roomName(i)),
      ]);
    });
    const text = 'x'.repeat(MESSAGE_BYTES);
    const publish = await cost(async () => {
      a.publish('b', text);
      await new Promise(setImmediate);
    });
    const leave = await cost(async (i) => {
      const { connectionId, peerId } = member(i, 'viewer', 'b');
      await b.store.leave(roomName(i), { peerId, connectionId }, 'left');
      await b.store.removeRoom('b', roomName(i));
    });
    const joinUs = (hostJoin + viewerJoin) / 2;
    const scripts = { joinUs, leaveUs: leave, syncUs: sync, renewUs };
    return { ...scripts, publishUs: publish, commandUs, bytesPerRoom };
  } finally {
    for (const rig of rigs) rig.close();
    await redis.close();
  }
}

const HOST_KEY = 'k'.repeat(43);

function roomName(index: number): string {
  return String(index).padStart(32, '0');
}

function member(index: number, role: 'host' | 'viewer', nodeId: string): JoinRequest {
  return {
    room: roomName(index),
    kind: 'v2',
    role,
    nodeId,
    connectionId: `${role}-${index}`.padEnd(12, '-'),
    peerId: `${role[0]}-${index}`.padEnd(12, '-'),
    resume: 't'.repeat(43),
    origin: 'o'.repeat(16),
    ...(role === 'host' ? { hostKey: HOST_KEY } : {}),
  };
}

async function cpuUs(redis: RedisServer): Promise<number> {
  const text = String(await redis.command('info', 'cpu'));
  const of = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? 0);
  return (of('used_cpu_sys') + of('used_cpu_user')) * 1e6;
}

async function usedBytes(redis: RedisServer): Promise<number> {
  const text = String(await redis.command('info', 'memory'));
  return Number(/^used_memory:(\d+)/m.exec(text)?.[1] ?? 0);
}

if (import.meta.main) {
  const rooms = Number(process.argv[2]);
  if (!(rooms > 0)) throw new Error('usage: redis-costs.ts ROOMS');
  console.log(JSON.stringify(await measureRedis(rooms)));
}
