import type { Clock } from '../base/clock.ts';
import { Gcra, type Rate } from '../limits/limiter.ts';

/**
 * A host answers all who come, so others have a part in how much it has to say, and what it says to
 * one must not wait for minutes behind what it says to a crowd. Limits per address and room hold for
 * it as they are.
 */
const HOST_TIMES = 10;
/** Over its rate for so long, a sender is no burst any more. */
export const FLOOD_MS = 30_000;

export interface PaceOptions {
  readonly clock: Clock;
  readonly messages: Rate;
  readonly bytes: Rate;
}

/**
 * Holds a connection to its own rate without losing a message: what comes too early waits for its
 * time, and while it waits the socket is not read (see Connection), so that the sender's own
 * network slows it down. A hundred ICE candidates more than the limit come late, and they come.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #rates: { readonly messages: Rate; readonly bytes: Rate };
  #messages: Gcra;
  #bytes: Gcra;
  /** When the first of the messages came that have all had to wait since, and how many these are. */
  #since: number | undefined;
  #held = 0;
  #cancel: (() => void) | undefined;

  constructor({ clock, messages, bytes }: PaceOptions) {
    this.#clock = clock;
    this.#rates = { messages, bytes };
    this.#messages = new Gcra(messages);
    this.#bytes = new Gcra(bytes);
  }

  /** From here on it is a host's. */
  beHost(): void {
    const { messages, bytes } = this.#rates;
    this.#messages = new Gcra({ ...messages, limit: messages.limit * HOST_TIMES });
    this.#bytes = new Gcra({ ...bytes, limit: bytes.limit * HOST_TIMES });
  }

  /** Counts a message that has just come. 0: it is in time. More: milliseconds that it has to wait. */
  come(bytes: number): number {
    const wait = this.#take(bytes);
    this.#since = wait > 0 ? (this.#since ?? this.#clock.now()) : undefined;
    this.#held = wait > 0 ? this.#held + 1 : 0;
    return wait;
  }

  /** The message that has just come is the first that has to wait: time to tell its sender. */
  get hasJustBegun(): boolean {
    return this.#held === 1;
  }

  /** Whether every message has had to wait for FLOOD_MS. */
  get isFlood(): boolean {
    return this.#since !== undefined && this.#clock.now() - this.#since >= FLOOD_MS;
  }

  /** Resolves when the message that was told to wait may be handled; never after `close`. */
  async hold(wait: number, bytes: number): Promise<void> {
    for (let left = wait; left > 0; left = this.#take(bytes)) {
      await new Promise<void>((resolve) => {
        this.#cancel = this.#clock.after(left, resolve);
      });
    }
  }

  /** Idempotent. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #take(bytes: number): number {
    const now = this.#clock.now();
    const wait = Math.max(this.#messages.check(now), this.#bytes.check(now, bytes));
    if (wait > 0) return wait;
    this.#messages.take(now);
    this.#bytes.take(now, bytes);
    return 0;
  }
}
