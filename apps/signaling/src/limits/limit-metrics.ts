import { Gauge, type Registry } from 'prom-client';
import { Counts } from '../metrics/counts.ts';
import { SETTLE_RESULTS, type SettleResult } from './shared-limiter.ts';

/**
 * What is counted by a key: messages of an address and of a room and their bytes, connections,
 * guesses of rooms, TURN credentials.
 */
export const KEYED_SCOPES = [
  ...(['ip', 'ip-bytes', 'room', 'room-bytes'] as const),
  ...(['connects', 'guesses', 'turn'] as const),
];
export type KeyedScope = (typeof KEYED_SCOPES)[number];

/** What the limits per key tell Prometheus. */
export class LimitMetrics {
  readonly #settlements: Counts;

  /** `keys`: how many keys a limit remembers. */
  constructor(registry: Registry, keys: (scope: KeyedScope) => number) {
    this.#settlements = new Counts({
      name: 'signaling_limit_leases_total',
      help:
        'Batches of a key that were settled with the other nodes through Redis, by what the ' +
        'limit counts and result: within or over the limit of all nodes, or failed (no answer).',
      labels: ['scope', 'result'],
      registry,
      known: KEYED_SCOPES.flatMap((scope) =>
        SETTLE_RESULTS.map((result) => [scope, result] as const),
      ),
    });
    new Gauge({
      name: 'signaling_limit_keys',
      help: 'Keys that a limit remembers on this node, by what it counts.',
      labelNames: ['scope'],
      registers: [registry],
      collect() {
        for (const scope of KEYED_SCOPES) this.set({ scope }, keys(scope));
      },
    });
  }

  settled(scope: KeyedScope, result: SettleResult): void {
    this.#settlements.inc(scope, result);
  }
}
