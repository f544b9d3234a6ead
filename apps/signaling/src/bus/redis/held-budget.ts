/** Bytes of frames that wait for answers of Redis, in all rooms of a node together. */
const MAX_HELD_BYTES = 32 * 2 ** 20;

/** One budget for all that waits: what does not fit is dropped by whoever wanted to hold it. */
export class HeldBudget {
  readonly #most: number;
  #held = 0;

  constructor(most = MAX_HELD_BYTES) {
    this.#most = most;
  }

  get held(): number {
    return this.#held;
  }

  /** Whether so many bytes may be held; each `true` is given back by `give`. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#most) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}
