/*
 * Rate limits by GCRA (ITU-T I.371, the virtual scheduling algorithm): one number per key, the
 * theoretical arrival time of the next message. A burst of `limit` is allowed, then one message
 * every `periodMs / limit`, exactly: no window edges, no rounding that starves a sender. What is
 * counted may be bytes as well: then a message costs as many.
 */

import { LimitTable } from './limit-table.ts';

export interface Rate {
  /** Messages, or bytes, per period; 0 switches the limit off. */
  readonly limit: number;
  readonly periodMs: number;
}

/** 0: allowed. More: refused, and how many milliseconds from now it would be allowed. */
export type Wait = number;

/** What a division leaves over: a cost of the whole limit must fit into it. */
const ROUNDING_MS = 1e-6;

/** The limit of one owner. */
export class Gcra {
  readonly #rate: Rate;
  #arrival = Number.NEGATIVE_INFINITY;

  /** `rate` is shared by many of these, which is why each computes with it anew. */
  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Counts one message at `now`, unless it has to wait. What costs more than the limit costs it all. */
  take(now: number, cost = 1): Wait {
    const { limit, periodMs } = this.#rate;
    if (limit === 0) return 0;
    const span = (periodMs / limit) * Math.min(cost, limit);
    const arrival = Math.max(this.#arrival, now);
    const wait = arrival - (periodMs - span) - now;
    if (wait > ROUNDING_MS) return wait;
    this.#arrival = arrival + span;
    return 0;
  }

  /** As `take`, and counts nothing. */
  check(now: number, cost = 1): Wait {
    const { limit, periodMs } = this.#rate;
    if (limit === 0) return 0;
    const span = (periodMs / limit) * Math.min(cost, limit);
    const wait = Math.max(this.#arrival, now) - (periodMs - span) - now;
    return wait > ROUNDING_MS ? wait : 0;
  }

  /** Others have used it up to there: the next message counts from `arrival` on at the earliest. */
  advance(arrival: number): void {
    if (arrival > this.#arrival) this.#arrival = arrival;
  }

  /** Whether a new limiter would answer the same: then this one need not be remembered. */
  isFresh(now: number): boolean {
    return this.#arrival <= now;
  }
}

export interface KeyedLimiterOptions extends Rate {
  /** Most keys remembered. When full the fresh ones go, then the oldest. */
  readonly maxKeys: number;
}

/** What asks before a message of a key is handled. Synchronous: nothing is awaited for it. */
export interface Limiter {
  /** Keys that are remembered. */
  readonly size: number;
  take(key: string, now: number, cost?: number): Wait;
  /** What `take` would say; counts nothing. */
  check(key: string, now: number, cost?: number): Wait;
}

/** One limit per key (an address, a room) in this process. */
export class KeyedLimiter implements Limiter {
  readonly #limit: number;
  readonly #table: LimitTable<Gcra>;

  constructor(options: KeyedLimiterOptions) {
    this.#limit = options.limit;
    this.#table = new LimitTable({ ...options, create: () => new Gcra(options) });
  }

  get size(): number {
    return this.#table.size;
  }

  take(key: string, now: number, cost = 1): Wait {
    return this.#limit === 0 ? 0 : this.#table.of(key, now).take(now, cost);
  }

  check(key: string, now: number, cost = 1): Wait {
    return this.#table.find(key)?.check(now, cost) ?? 0;
  }
}
