import { NEIGHBOURS, neighbourhood } from '../limits/neighbourhood.ts';

/** How many of something each address holds open, with one bound for all. */
export class AddressCounts {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  /** `most` 0: no bound, and nothing is counted. A /48 of IPv6 may hold as much as four addresses. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Addresses that hold any, and /48s of them. */
  get size(): number {
    return this.#counts.size;
  }

  /** Counts one more, unless that is too many. Each `true` is given back by one `leave`. */
  enter(key: string): boolean {
    if (this.#most === 0) return true;
    const wide = neighbourhood(key);
    if (this.#of(key) >= this.#most) return false;
    if (wide !== key && this.#of(wide) >= this.#most * NEIGHBOURS) return false;
    this.#add(key, 1);
    if (wide !== key) this.#add(wide, 1);
    return true;
  }

  leave(key: string): void {
    if (this.#of(key) === 0) return;
    const wide = neighbourhood(key);
    this.#add(key, -1);
    if (wide !== key) this.#add(wide, -1);
  }

  #of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #add(key: string, more: number): void {
    const count = this.#of(key) + more;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }
}
