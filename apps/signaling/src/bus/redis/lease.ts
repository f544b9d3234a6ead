import type { Clock } from '../../base/clock.ts';
import type { Store } from './store.ts';

export interface LeaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** What the lease holds: of this start of this node, and no other. */
  readonly value: string;
}

/**
 * The node's word that it lives. While it holds, nobody touches the node's members; once it does
 * not, others may give their places away, so the node must not act on what it remembers before it
 * has asserted that again.
 */
export class Lease {
  readonly #options: LeaseOptions;
  #until = Number.NEGATIVE_INFINITY;
  #held = false;
  #fenced = true;
  #losses = 0;
  #lapsed = false;
  #settledAt = Number.NEGATIVE_INFINITY;
  #trustedAt = Number.NEGATIVE_INFINITY;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get value(): string {
    return this.#options.value;
  }

  /** Whether the node must not act: its lease is gone, or was and its rooms are not asserted yet. */
  get fenced(): boolean {
    return this.#fenced || this.#options.clock.now() >= this.#until;
  }

  /**
   * Whether it ran out before it was renewed, by this node's own clock, and its rooms are not
   * asserted yet: others may have given its members' places to somebody else, who then speaks
   * for them.
   */
  get lapsed(): boolean {
    return this.#lapsed || this.#options.clock.now() >= this.#until;
  }

  /**
   * After a loss of data the rooms that other nodes have are not there yet: until so long, a room
   * that this node does not know may well exist. Milliseconds; 0: none to wait.
   */
  get settlingMs(): number {
    return Math.max(0, this.#settledAt - this.#options.clock.now());
  }

  /** Whether a lease that is missing means a dead node, and not one that could not renew either. */
  get mayReap(): boolean {
    return !this.fenced && this.#options.clock.now() >= this.#trustedAt;
  }

  /** Whether a quarter of its time is over: then whoever works for long renews before going on. */
  get due(): boolean {
    const { clock, leaseMs } = this.#options;
    return clock.now() >= this.#until - (leaseMs * 3) / 4;
  }

  /** How often it was found missing; who asserts rooms compares before and after. */
  get losses(): number {
    return this.#losses;
  }

  /** Renews; answers whether it had been lost since the last time. */
  async renew(): Promise<boolean> {
    const { store, clock, leaseMs, value } = this.#options;
    const asked = clock.now();
    const before = await store.renewLease(value);
    const lost = this.#held && before !== value;
    if (lost && clock.now() >= this.#until) this.#lapsed = true;
    if (!this.#held) this.#trustedAt = clock.now() + leaseMs / 2;
    this.#held = true;
    this.#until = asked + leaseMs;
    if (lost) this.distrust();
    return lost;
  }

  /** The lease was found missing. */
  distrust(): void {
    const { clock, leaseMs } = this.#options;
    this.#fenced = true;
    this.#losses += 1;
    this.#settledAt = clock.now() + leaseMs / 2;
    this.#trustedAt = clock.now() + leaseMs * 1.5;
  }

  /** All rooms of the node have been asserted, since it had been lost so often. */
  asserted(losses: number): void {
    if (losses !== this.#losses) return;
    this.#fenced = false;
    this.#lapsed = false;
  }
}
