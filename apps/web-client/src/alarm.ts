import type { Timers } from '@peerdeck/protocol';

/** One timer that is set anew instead of twice. */
export class Alarm {
  readonly #timers: Timers;
  readonly #now: () => number;
  #timer: unknown;
  #at: number | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(options: { readonly timers: Timers; readonly now: () => number }) {
    this.#timers = options.timers;
    this.#now = options.now;
  }

  /** When it rings, on `now`'s clock; undefined while it is off. */
  get at(): number | undefined {
    return this.#at;
  }

  in(ms: number, ring: () => void): void {
    this.off();
    this.#at = this.#now() + ms;
    this.#timer = this.#timers.set(() => {
      this.#at = undefined;
      ring();
    }, ms);
  }

  off(): void {
    this.#timers.clear(this.#timer);
    this.#at = undefined;
  }
}
