export interface BreakerOptions {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** In [0, 1); spreads the probes of many nodes. */
  readonly fraction: () => number;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open the first time; doubled by each probe that fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * Stops asking a server that does not answer. Open, it refuses everything at once; after a while
 * it lets one probe through (half-open), whose result closes it or opens it for longer.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #openMs: number;
  #until = 0;
  #state: BreakerState = 'closed';

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#openMs = options.openMs;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Until a probe may go; 0 unless open. */
  get retryAfterMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#until - this.#options.now()) : 0;
  }

  /** Whether an ordinary command may go. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Whether a probe may go: always when closed, and once each time the wait is over. */
  probe(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'half-open' || this.retryAfterMs > 0) return false;
    this.#state = 'half-open';
    return true;
  }

  /** Lets a probe go at once, for there is news of the server (its connection is back). */
  hint(): void {
    if (this.#state === 'open') this.#until = this.#options.now();
  }

  succeeded(): void {
    // What was sent before it opened, and answers now, is no probe.
    if (this.#state === 'open') return;
    this.#state = 'closed';
    this.#failures = 0;
    this.#openMs = this.#options.openMs;
  }

  failed(): void {
    if (this.#state === 'open') return;
    this.#failures += 1;
    if (this.#state === 'closed' && this.#failures < this.#options.failures) return;
    const { now, fraction, maxOpenMs } = this.#options;
    this.#state = 'open';
    this.#until = now() + this.#openMs * (0.75 + fraction() / 2);
    this.#openMs = Math.min(this.#openMs * 2, maxOpenMs);
  }
}
