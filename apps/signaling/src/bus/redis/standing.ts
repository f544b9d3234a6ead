import type { Random } from '../../base/random.ts';
import type { BusHealth } from '../bus.ts';
import type { Lease } from './lease.ts';
import type { Link } from './link.ts';
import type { Trouble } from './trouble.ts';

export interface StandingOptions {
  readonly link: Link;
  readonly lease: Lease;
  readonly troubles: Trouble;
  readonly random: Random;
  readonly leaseMs: number;
}

/** How this node stands with Redis: whether it may ask, why not, and when to try again. */
export class Standing {
  readonly #options: StandingOptions;
  #closed = false;

  constructor(options: StandingOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
  }

  /** Whether Redis answers, and believes what this node says. */
  get good(): boolean {
    const { lease, link } = this.#options;
    return !lease.fenced && link.breaker.closed;
  }

  get health(): BusHealth {
    const detail = this.#trouble();
    return { ready: detail === undefined, detail: detail ?? 'ok' };
  }

  /** Until another try makes sense. */
  retryMs(): number {
    const { link, random, leaseMs } = this.#options;
    return Math.max(link.breaker.retryAfterMs, leaseMs / 10) * (1 + random.fraction());
  }

  failed(error: unknown): void {
    this.#options.troubles.note(error);
  }

  #trouble(): string | undefined {
    const { link, lease, troubles } = this.#options;
    if (this.#closed) return 'closed';
    const { state } = link.breaker;
    if (state !== 'closed') return `redis does not answer (breaker ${state}): ${troubles.last}`;
    if (lease.fenced) return `no lease in redis: ${troubles.last}`;
    if (!link.subscribed) return 'not subscribed in redis';
    return undefined;
  }
}
