import { neighbourhood } from '../limits/neighbourhood.ts';

export type PendingDecision =
  | { readonly ok: false }
  | {
      readonly ok: true;
      /** The connection that has to give its place up. */
      readonly givesWay: string | undefined;
    };

/**
 * Connections that have not joined a room: so many at most, and shared. When all places are taken,
 * whoever holds most of them gives up its oldest to somebody who holds less; so a few addresses
 * that open and say nothing keep nobody else out. Who holds one or two is never pushed out: a crowd
 * that comes back at once waits instead.
 */
export class PendingPlaces {
  readonly #most: number;
  readonly #owners = new Map<string, string>();
  /** Ids by owner, the oldest first. */
  readonly #held = new Map<string, Set<string>>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#owners.size;
  }

  /** `address`: as limits count it. Each `ok` is given back by one `leave`. */
  enter(id: string, address: string): PendingDecision {
    const owner = neighbourhood(address);
    let givesWay: string | undefined;
    if (this.#owners.size >= this.#most) {
      givesWay = this.#oldestOfLargest((this.#held.get(owner)?.size ?? 0) + 1);
      if (givesWay === undefined) return { ok: false };
      this.leave(givesWay);
    }
    this.#owners.set(id, owner);
    const held = this.#held.get(owner);
    if (held === undefined) this.#held.set(owner, new Set([id]));
    else held.add(id);
    return { ok: true, givesWay };
  }

  /** Does nothing for one that has none. */
  leave(id: string): void {
    const owner = this.#owners.get(id);
    if (owner === undefined) return;
    this.#owners.delete(id);
    const held = this.#held.get(owner);
    held?.delete(id);
    if (held?.size === 0) this.#held.delete(owner);
  }

  #oldestOfLargest(moreThan: number): string | undefined {
    let largest: ReadonlySet<string> | undefined;
    for (const held of this.#held.values()) {
      if (held.size > (largest?.size ?? moreThan)) largest = held;
    }
    return largest?.values().next().value;
  }
}
