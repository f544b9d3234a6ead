import type { Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { KeyedLimiter, type Limiter, type Rate } from './limiter.ts';
import { Guesses } from './guesses.ts';
import type { Ledger } from './ledger.ts';
import { LimitMetrics, type KeyedScope } from './limit-metrics.ts';
import { NeighbourLimiter } from './neighbour-limiter.ts';
import { NEIGHBOURS } from './neighbourhood.ts';
import { SharedLimiter } from './shared-limiter.ts';
import { TrafficLimiter } from './traffic-limiter.ts';

export interface LimitsOptions {
  readonly config: Pick<
    Config,
    | 'RATE_LIMIT_IP_MSGS_PER_10S'
    | 'RATE_LIMIT_IP_BYTES_PER_10S'
    | 'RATE_LIMIT_ROOM_MSGS_PER_10S'
    | 'RATE_LIMIT_ROOM_BYTES_PER_10S'
    | 'RATE_LIMIT_CONN_PER_10S'
    | 'RATE_LIMIT_GUESSES_PER_60S'
    | 'RATE_LIMIT_TURN_PER_10MIN'
  >;
  /** undefined: this node is the only one. */
  readonly ledger: Ledger | undefined;
  readonly clock: Clock;
  readonly registry: Registry;
}

const MAX_KEYS = 100_000;
const MAX_GUESSERS = 10_000;
const MAX_ROOMS_OF_ONE = 100;

/** What the service counts by address and room: on all nodes together where they have a ledger. */
export class Limits {
  /** Messages, of so many bytes. */
  readonly ip: Limiter;
  readonly room: Limiter;
  readonly connects: Limiter;
  readonly guesses: Guesses;
  /** First TURN credentials, by address and by room. */
  readonly turn: Limiter;

  constructor({ config, ledger, clock, registry }: LimitsOptions) {
    const made = new Map<KeyedScope, Limiter[]>();
    const metrics = new LimitMetrics(registry, (scope) =>
      (made.get(scope) ?? []).reduce((sum, { size }) => sum + size, 0),
    );
    const create = (scope: KeyedScope, rate: Rate, batch: number): Limiter => {
      const options = { ...rate, maxKeys: MAX_KEYS };
      if (ledger === undefined) return new KeyedLimiter(options);
      const onSettled = metrics.settled.bind(metrics, scope);
      return new SharedLimiter({ ...options, scope, ledger, clock, batch, onSettled });
    };
    const limiter = (scope: KeyedScope, rate: Rate, batch: number): Limiter => {
      const limiter = create(scope, rate, batch);
      made.set(scope, [...(made.get(scope) ?? []), limiter]);
      return limiter;
    };
    const traffic = (
      scopes: { readonly messages: KeyedScope; readonly bytes: KeyedScope },
      limits: { readonly messages: number; readonly bytes: number },
    ): Limiter => {
      const rate = (limit: number): Rate => ({ limit, periodMs: 10_000 });
      return new TrafficLimiter({
        messages: limiter(scopes.messages, rate(limits.messages), messageBatch(limits.messages)),
        bytes: limiter(scopes.bytes, rate(limits.bytes), Math.ceil(limits.bytes / 10)),
      });
    };
    /** Per address: once for each, and once for all that one owner of IPv6 addresses may have. */
    const byAddress = (of: (factor: number) => Limiter) =>
      new NeighbourLimiter({ own: of(1), wide: of(NEIGHBOURS) });
    this.ip = byAddress((factor) =>
      traffic(
        { messages: 'ip', bytes: 'ip-bytes' },
        {
          messages: config.RATE_LIMIT_IP_MSGS_PER_10S * factor,
          bytes: config.RATE_LIMIT_IP_BYTES_PER_10S * factor,
        },
      ),
    );
    this.room = traffic(
      { messages: 'room', bytes: 'room-bytes' },
      {
        messages: config.RATE_LIMIT_ROOM_MSGS_PER_10S,
        bytes: config.RATE_LIMIT_ROOM_BYTES_PER_10S,
      },
    );
    this.connects = byAddress((factor) => {
      const rate = { limit: config.RATE_LIMIT_CONN_PER_10S * factor, periodMs: 10_000 };
      return limiter('connects', rate, Math.ceil(rate.limit / 20));
    });
    const turn = { limit: config.RATE_LIMIT_TURN_PER_10MIN, periodMs: 600_000 };
    this.turn = limiter('turn', turn, Math.ceil(turn.limit / 20));
    // A join costs Redis several commands in any case.
    const misses = byAddress((factor) => {
      const rate = { limit: config.RATE_LIMIT_GUESSES_PER_60S * factor, periodMs: 60_000 };
      return limiter('guesses', rate, 1);
    });
    this.guesses = new Guesses({
      limiter: misses,
      maxAddresses: MAX_GUESSERS,
      maxRooms: MAX_ROOMS_OF_ONE,
    });
  }
}

/**
 * A tenth of the limit: exact to that for each node, and with the limits of an address and of a
 * room together not more than a command for 20 messages by the defaults. Never over half of a
 * small limit.
 */
function messageBatch(limit: number): number {
  return Math.max(1, Math.min(Math.max(20, Math.ceil(limit / 10)), Math.floor(limit / 2)));
}
