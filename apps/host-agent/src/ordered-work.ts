/** Tasks one after the other, whether the one before failed or not. */
export class OrderedWork {
  #last: Promise<unknown>;
  #size = 0;
  #ended = false;

  /** The first task begins after this. */
  constructor(after: Promise<unknown>) {
    this.#last = after;
  }

  /** Tasks that have not ended. */
  get size(): number {
    return this.#size;
  }

  /** Fails as the task does. */
  add(task: () => Promise<void> | undefined): Promise<void> {
    this.#size += 1;
    const result = this.#last
      .then(() => (this.#ended ? undefined : task()))
      .finally(() => (this.#size -= 1));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** What has not begun is not done any more; resolves when what has is over. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#last;
  }
}
