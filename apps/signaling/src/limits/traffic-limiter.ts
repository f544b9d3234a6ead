import type { Limiter, Wait } from './limiter.ts';

export interface TrafficLimiterOptions {
  readonly messages: Limiter;
  readonly bytes: Limiter;
}

/** Messages of a key and their bytes, both within their limits: few large ones cost as much as many. */
export class TrafficLimiter implements Limiter {
  readonly #messages: Limiter;
  readonly #bytes: Limiter;

  constructor({ messages, bytes }: TrafficLimiterOptions) {
    this.#messages = messages;
    this.#bytes = bytes;
  }

  get size(): number {
    return Math.max(this.#messages.size, this.#bytes.size);
  }

  take(key: string, now: number, bytes = 0): Wait {
    const wait = this.#bytes.check(key, now, bytes) || this.#messages.take(key, now);
    if (wait <= 0) this.#bytes.take(key, now, bytes);
    return wait;
  }

  check(key: string, now: number, bytes = 0): Wait {
    return Math.max(this.#messages.check(key, now), this.#bytes.check(key, now, bytes));
  }
}
