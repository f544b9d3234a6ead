import type { Clock } from '../base/clock.ts';

/** How long a viewer may be in a room with its host, and make it no offer. */
export const OFFER_TIMEOUT_MS = 20_000;

/**
 * Whoever joins and then does nothing holds a place for nothing. The time runs only while the host
 * is there, since without one nobody can be offered anything, and ends with the first offer.
 */
export class OfferDeadline {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #cancel: (() => void) | undefined;
  #offered = false;

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  hostIsThere(there: boolean): void {
    if (this.#offered) return;
    if (!there) this.#stop();
    else this.#cancel ??= this.#clock.after(OFFER_TIMEOUT_MS, this.#onEnd);
  }

  offered(): void {
    this.#offered = true;
    this.#stop();
  }

  /** Idempotent. */
  close(): void {
    this.offered();
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
