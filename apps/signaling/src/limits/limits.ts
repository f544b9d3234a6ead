import type { Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { KeyedLimiter, type Limiter, type Rate } from './limiter.ts';
import { Guesses } from './guesses.ts';
import type { Ledger } from './ledger.ts';
import { LimitMetrics, type KeyedScope } from './limit-metrics.ts';
import { SharedLimiter } from './shared-limiter.ts';

export interface LimitsOptions {
  readonly config: Pick<
    Config,
    | 'RATE_LIMIT_IP_MSGS_PER_10S'
    | 'RATE_LIMIT_ROOM_MSGS_PER_10S'
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
  readonly ip: Limiter;
  readonly room: Limiter;
  readonly connects: Limiter;
  readonly guesses: Guesses;
  /** First TURN credentials, by address and by room. */
  readonly turn: Limiter;

  constructor({ config, ledger, clock, registry }: LimitsOptions) {
    const metrics = new LimitMetrics(registry, (scope) => byScope[scope].size);
    const limiter = (scope: KeyedScope, rate: Rate, batch: number): Limiter => {
      const options = { ...rate, maxKeys: MAX_KEYS };
      if (ledger === undefined) return new KeyedLimiter(options);
      const onSettled = metrics.settled.bind(metrics, scope);
      return new SharedLimiter({ ...options, scope, ledger, clock, batch, onSettled });
    };
    const messages = (scope: KeyedScope, limit: number) =>
      limiter(scope, { limit, periodMs: 10_000 }, messageBatch(limit));
    this.ip = messages('ip', config.RATE_LIMIT_IP_MSGS_PER_10S);
    this.room = messages('room', config.RATE_LIMIT_ROOM_MSGS_PER_10S);
    const connects = { limit: config.RATE_LIMIT_CONN_PER_10S, periodMs: 10_000 };
    this.connects = limiter('connects', connects, Math.ceil(connects.limit / 20));
    const turn = { limit: config.RATE_LIMIT_TURN_PER_10MIN, periodMs: 600_000 };
    this.turn = limiter('turn', turn, Math.ceil(turn.limit / 20));
    // A join costs Redis several commands in any case.
    const guesses = { limit: config.RATE_LIMIT_GUESSES_PER_60S, periodMs: 60_000 };
    const misses = limiter('guesses', guesses, 1);
    this.guesses = new Guesses({
      limiter: misses,
      maxAddresses: MAX_GUESSERS,
      maxRooms: MAX_ROOMS_OF_ONE,
    });
    const byScope = {
      ...{ ip: this.ip, room: this.room, connects: this.connects },
      ...{ guesses: misses, turn: this.turn },
    };
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
