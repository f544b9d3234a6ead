import { Registry } from 'prom-client';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { FaultProxy } from '../../testing/fault-proxy.ts';
import { until } from '../../testing/harness.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { NO_SPAN } from '../../tracing/span.ts';
import type { JoinOutcome } from '../bus.ts';
import { RedisMetrics } from './metrics.ts';
import { RedisBus } from './redis-bus.ts';

const LEASE_MS = 2000;
/** In batches, over a link this slow, they take longer than a lease to be gone through. */
const ROOMS = 4000;
const DELAY_MS = 60;
const AT_A_TIME = 500;

let redis: RedisServer;
let line: FaultProxy;
beforeAll(async () => {
  redis = await RedisServer.start();
  line = await FaultProxy.open(redis.port);
});
afterAll(async () => {
  await line.close();
  await redis.close();
});

const buses: RedisBus[] = [];
afterEach(async () => {
  line.heal();
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function open(nodeId: string, port: number): { bus: RedisBus; events: () => Promise<string> } {
  const registry = new Registry();
  const metrics = new RedisMetrics(registry, {
    breaker: () => bus.breaker,
    ready: () => bus.health().ready,
  });
  const bus: RedisBus = new RedisBus({
    nodeId,
    clock: systemClock,
    random: systemRandom,
    tracing: { start: () => NO_SPAN },
    log: createLogger({ level: 'silent', pretty: false, nodeId }),
    metrics: () => metrics,
    limits: { originalCapacity: 2, maxMembers: 4 },
    detachMs: 10_000,
    emptyRoomMs: 60_000,
    roomTtlMs: 180_000,
    urls: [`redis://127.0.0.1:${port}`],
    cluster: false,
    prefix: 'many',
    leaseMs: LEASE_MS,
    timeoutMs: 2000,
  });
  buses.push(bus);
  return { bus, events: () => registry.getSingleMetricAsString('signaling_redis_events_total') };
}

async function fill(bus: RedisBus): Promise<void> {
  const join = (index: number) =>
    bus.join({
      room: `${bus.nodeId}-${index}`,
      kind: 'v2',
      role: 'host',
      nodeId: bus.nodeId,
      connectionId: `${bus.nodeId}-c-${index}`,
      peerId: 'host',
      resume: '',
      origin: '',
    });
  const outcomes: JoinOutcome[] = [];
  for (let first = 0; first < ROOMS; first += AT_A_TIME) {
    const some = Array.from({ length: AT_A_TIME }, (_, index) => join(first + index));
    outcomes.push(...(await Promise.all(some)));
  }
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
}

describe('a node with more rooms than it can go through in the time of a lease', () => {
  it('asserts them after a loss of data without losing its lease over that', async () => {
    const { bus, events } = open('asserting', line.port);
    await bus.start();
    await fill(bus);
    line.set({ latencyMs: DELAY_MS });
    await redis.command('flushall');
    await until(async () => /"lease-lost"\} [1-9]/.test(await events()));
    await until(async () => bus.health().ready && /"reasserted"\} 2/.test(await events()));
    expect(await events()).toMatch(/"lease-lost"\} 1\n/);
  });

  it('keeps its lease while it frees the places of a dead node', async () => {
    const own = await FaultProxy.open(redis.port);
    const { bus: dead } = open('dead', own.port);
    await dead.start();
    await fill(dead);
    const { bus, events } = open('reaping', line.port);
    await bus.start();
    line.set({ latencyMs: DELAY_MS });
    await own.close();
    const troubles = new Set<string>();
    await until(async () => {
      const { ready, detail } = bus.health();
      if (!ready) troubles.add(detail);
      return new RegExp(`"reaped"\\} ${ROOMS}`).test(await events());
    });
    expect([...troubles]).toEqual([]);
  });
});
