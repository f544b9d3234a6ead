import type { Limiter, Wait } from './limiter.ts';
import { neighbourhood } from './neighbourhood.ts';

export interface NeighbourLimiterOptions {
  /** For each address, or /64 of IPv6. */
  readonly own: Limiter;
  /** For each /48, which is what one customer of a provider may have: 65,536 of the others. */
  readonly wide: Limiter;
}

/** A limit per address that somebody with many networks of IPv6 does not get many times over. */
export class NeighbourLimiter implements Limiter {
  readonly #own: Limiter;
  readonly #wide: Limiter;

  constructor({ own, wide }: NeighbourLimiterOptions) {
    this.#own = own;
    this.#wide = wide;
  }

  get size(): number {
    return this.#own.size + this.#wide.size;
  }

  take(key: string, now: number, cost?: number): Wait {
    const wide = neighbourhood(key);
    if (wide === key) return this.#own.take(key, now, cost);
    const wait = this.#wide.check(wide, now, cost) || this.#own.take(key, now, cost);
    if (wait <= 0) this.#wide.take(wide, now, cost);
    return wait;
  }

  check(key: string, now: number, cost?: number): Wait {
    const wide = neighbourhood(key);
    const own = this.#own.check(key, now, cost);
    return wide === key ? own : Math.max(own, this.#wide.check(wide, now, cost));
  }
}
