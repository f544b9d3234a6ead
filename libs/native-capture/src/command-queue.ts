import { NativeError } from './errors.ts';
import { PD_ERRORS } from './abi.ts';

/**
 * Runs asynchronous native commands one after the other: koffi's asynchronous calls run on pool
 * threads and have no order among themselves. Bound: `limit` commands wait; when it is full, the
 * new command is refused with PD_ERR_WOULD_BLOCK and the caller decides.
 */
export class CommandQueue {
  readonly #limit: number;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: { readonly limit?: number } = {}) {
    this.#limit = options.limit ?? 4096;
  }

  get waiting(): number {
    return this.#waiting;
  }

  run<T>(name: string, command: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#limit) {
      const text = `${this.#limit} commands wait already`;
      return Promise.reject(new NativeError(name, PD_ERRORS.PD_ERR_WOULD_BLOCK, text));
    }
    this.#waiting += 1;
    const result = this.#tail.then(command).finally(() => {
      this.#waiting -= 1;
    });
    // A failed command is its caller's business; the next one runs all the same.
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when everything queued so far has run. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
