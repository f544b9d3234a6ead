/** The part of the Screen Wake Lock API that is used; https pages have it. */
export interface WakeLocks {
  request(type: 'screen'): Promise<{ release(): Promise<void> }>;
}

/**
 * Keeps the screen on while somebody watches: a picture that moves is no sign of life to the
 * system. Browsers take the lock away from hidden pages, so it is asked for again.
 */
export class WakeLock {
  readonly #locks: WakeLocks | undefined;
  #wanted = false;
  #held: Promise<{ release(): Promise<void> } | undefined> | undefined;

  /** `locks`: undefined where the browser has none. */
  constructor(locks: WakeLocks | undefined) {
    this.#locks = locks;
  }

  set wanted(wanted: boolean) {
    this.#wanted = wanted;
    if (wanted) this.renew();
    else this.#drop();
  }

  /** The page is visible again. */
  renew(): void {
    if (!this.#wanted || this.#locks === undefined) return;
    this.#drop();
    // Low battery refuses; then the screen goes off as it always does.
    this.#held = this.#locks.request('screen').catch(() => undefined);
  }

  #drop(): void {
    const held = this.#held;
    this.#held = undefined;
    void held?.then((lock) => lock?.release()).catch(() => undefined);
  }
}
