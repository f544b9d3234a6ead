import type { Clock } from '../base/clock.ts';
import { refuse, type Config } from '../config/config.ts';
import type { Logger } from '../base/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { Bus } from './bus.ts';
import { HostBindingsFile } from '../rooms/host-bindings.ts';
import { MemoryBus } from './memory.ts';
import { RedisMetrics } from './redis/metrics.ts';
import { RedisBus } from './redis/redis-bus.ts';

export interface BusParts {
  readonly config: Config;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

const MAX_EMPTY_ROOMS = 10_000;
/** Three times as long as a node takes to renew a room. */
const LEAST_ROOM_TTL_MS = 180_000;

/**
 * The bus that the configuration asks for.
 * @throws {ConfigError} for a file of bindings that cannot be used
 */
export function createBus({ config, nodeId, clock, random, log, metrics, tracing }: BusParts): Bus {
  const shared = {
    nodeId,
    clock,
    limits: { originalCapacity: config.ROOM_CAPACITY, maxMembers: config.ROOM_MAX_MEMBERS },
    detachMs: config.DETACH_MS,
    emptyRoomMs: config.HOST_KEY_TTL_SECONDS * 1000,
  };
  if (config.REDIS_URL.length === 0) {
    const { HOST_BINDINGS_FILE: path } = config;
    const bindings = path === '' ? undefined : { ...keptBindings(path), log };
    return new MemoryBus({ ...shared, bindings, maxEmptyRooms: MAX_EMPTY_ROOMS });
  }
  const redisMetrics: RedisMetrics = new RedisMetrics(metrics.registry, {
    breaker: () => bus.breaker,
    ready: () => bus.health().ready,
  });
  const bus: RedisBus = new RedisBus({
    ...shared,
    random,
    log,
    tracing,
    metrics: () => redisMetrics,
    urls: config.REDIS_URL,
    cluster: config.REDIS_CLUSTER,
    prefix: config.REDIS_PREFIX,
    roomTtlMs: Math.max(LEAST_ROOM_TTL_MS, config.ROOM_TTL_SECONDS * 1000),
    leaseMs: config.REDIS_LEASE_MS,
    timeoutMs: config.REDIS_TIMEOUT_MS,
  });
  return bus;
}

function keptBindings(path: string) {
  const file = new HostBindingsFile(path);
  try {
    return { file, kept: file.read() };
  } catch (error) {
    throw refuse('HOST_BINDINGS_FILE', path, error instanceof Error ? error.message : undefined);
  }
}
