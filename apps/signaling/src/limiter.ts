/*
 * Rate limits by GCRA (ITU-T I.371, the virtual scheduling algorithm): one number per key, the
 * theoretical arrival time of the next message. A burst of `limit` is allowed, then one message
 * every `periodMs / limit`, exactly: no window edges, no rounding that starves a sender.
 */

export interface Rate {
  /** Messages per period; 0 switches the limit off. */
  readonly limit: number;
  readonly periodMs: number;
}

/** 0: allowed. More: refused, and how many milliseconds from now it would be allowed. */
export type Wait = number;

/** The limit of one owner. */
export class Gcra {
  readonly #interval: number;
  readonly #tolerance: number;
  #arrival = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#interval = rate.limit === 0 ? 0 : rate.periodMs / rate.limit;
    this.#tolerance = rate.periodMs - this.#interval;
  }

  /** Counts one message at `now`, unless it has to wait. */
  take(now: number): Wait {
    if (this.#interval === 0) return 0;
    const arrival = Math.max(this.#arrival, now);
    const wait = arrival - this.#tolerance - now;
    if (wait > 0) return wait;
    this.#arrival = arrival + this.#interval;
    return 0;
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
  take(key: string, now: number): Wait;
}

/** One limit per key (an address, a room) in this process. */
export class KeyedLimiter implements Limiter {
  readonly #options: KeyedLimiterOptions;
  readonly #keys = new Map<string, Gcra>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: KeyedLimiterOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#keys.size;
  }

  take(key: string, now: number): Wait {
    if (this.#options.limit === 0) return 0;
    let entry = this.#keys.get(key);
    if (entry === undefined) {
      this.#makeRoom(now);
      entry = new Gcra(this.#options);
      this.#keys.set(key, entry);
    }
    return entry.take(now);
  }

  #makeRoom(now: number): void {
    const { maxKeys, periodMs } = this.#options;
    const full = this.#keys.size >= maxKeys;
    // A sweep walks all keys: ten in a period at most, however many new keys come.
    if (now - this.#sweptAt >= (full ? periodMs / 10 : periodMs)) {
      this.#sweptAt = now;
      for (const [key, entry] of this.#keys) if (entry.isFresh(now)) this.#keys.delete(key);
    }
    if (this.#keys.size < maxKeys) return;
    const oldest = this.#keys.keys().next().value;
    if (oldest !== undefined) this.#keys.delete(oldest);
  }
}
