import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { Counts } from '../../metrics/counts.ts';
import type { BreakerState } from './breaker.ts';

export interface RedisMetricsSources {
  readonly breaker: () => BreakerState;
  readonly ready: () => boolean;
}

const STATES: readonly BreakerState[] = ['closed', 'half-open', 'open'];

/** What the Redis bus tells Prometheus. All labels come from closed lists. */
export class RedisMetrics {
  readonly #commands: Counts;
  readonly #failures: Counts;
  readonly #events: Counts;
  readonly #dropped: Counter;
  readonly #seconds: Histogram;
  readonly #channelSeconds: Histogram;

  constructor(registry: Registry, sources: RedisMetricsSources) {
    const registers = [registry];
    const counts = (name: string, help: string, label: string, values: readonly string[]) => {
      const known = values.map((value) => [value] as const);
      const labels = [label];
      return new Counts({ name: `signaling_redis_${name}_total`, help, labels, registry, known });
    };
    const purposes = ['join', 'leave', 'sync', 'renew', 'lease', 'publish', 'limit'];
    this.#commands = counts('commands', 'Commands sent to Redis, by purpose.', 'command', purposes);
    this.#failures = counts(
      'failures',
      'Commands without an answer, by purpose.',
      'command',
      purposes,
    );
    this.#events = counts(
      'events',
      'What happened: lease-lost, reasserted, reaped (members), resynced (rooms), resubscribed.',
      'event',
      EVENTS,
    );
    this.#dropped = new Counter({
      name: 'signaling_redis_dropped_frames_total',
      help: 'Frames for members on other nodes that were dropped: Redis did not take them, or the node did not listen.',
      registers,
    });
    this.#seconds = new Histogram({
      name: 'signaling_redis_seconds',
      help: 'From a command being sent to its answer; messages of members are not timed.',
      labelNames: ['command'],
      buckets: [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5],
      registers,
    });
    this.#channelSeconds = new Histogram({
      name: 'signaling_redis_channel_seconds',
      help: 'From the node speaking to itself through Redis to its hearing that: what a message to another node takes on the way.',
      buckets: [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5],
      registers,
    });
    new Gauge({
      name: 'signaling_redis_breaker',
      help: '1 for the state that the circuit breaker is in.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const state of STATES) this.set({ state }, sources.breaker() === state ? 1 : 0);
      },
    });
    new Gauge({
      name: 'signaling_redis_ready',
      help: '1 while the node has its lease and its channel.',
      registers,
      collect() {
        this.set(sources.ready() ? 1 : 0);
      },
    });
  }

  sent(command: string): void {
    this.#commands.inc(command);
  }

  failed(command: string): void {
    this.#failures.inc(command);
  }

  took(command: string, ms: number): void {
    this.#seconds.observe({ command }, ms / 1000);
  }

  channelTook(ms: number): void {
    this.#channelSeconds.observe(ms / 1000);
  }

  happened(event: RedisEvent, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#events.inc(event);
  }

  dropped(frames: number): void {
    this.#dropped.inc(frames);
  }
}

const EVENTS = ['lease-lost', 'reasserted', 'reaped', 'resynced', 'resubscribed'] as const;

export type RedisEvent = (typeof EVENTS)[number];
