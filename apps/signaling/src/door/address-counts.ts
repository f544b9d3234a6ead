/** How many of something each address holds open, with one bound for all. */
export class AddressCounts {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  /** `most` 0: no bound, and nothing is counted. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Addresses that hold any. */
  get size(): number {
    return this.#counts.size;
  }

  /** Counts one more, unless that is too many. Each `true` is given back by one `leave`. */
  enter(key: string): boolean {
    if (this.#most === 0) return true;
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  leave(key: string): void {
    const count = this.#counts.get(key);
    if (count === undefined) return;
    if (count === 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
  }
}
