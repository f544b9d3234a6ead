/** So many at once, and so many a second after that. Whole takes only. Pure. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number | undefined;

  /** `burst`: one second's worth unless told otherwise. */
  constructor(perSecond: number, burst = perSecond) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** False: there are not as many, and nothing was taken. `now`: monotonic milliseconds. */
  take(count: number, now: number): boolean {
    const elapsed = Math.max(now - (this.#at ?? now), 0);
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#perSecond) / 1000);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  giveBack(count: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }
}
