import type { Timers } from './web-socket.ts';

/**
 * Finds connections that died without a word. Every `intervalMs` a ping goes out; any frame
 * counts as an answer. It counts unanswered pings, not time, for timers of a hidden page run
 * late while frames still arrive.
 */
export class Heartbeat {
  readonly #timers: Timers;
  readonly #sendPing: (id: number) => void;
  readonly #onDead: () => void;
  #timer: unknown;
  #intervalMs = 0;
  #unanswered = 0;
  #id = 0;

  constructor(options: {
    readonly timers: Timers;
    readonly sendPing: (id: number) => void;
    readonly onDead: () => void;
  }) {
    this.#timers = options.timers;
    this.#sendPing = options.sendPing;
    this.#onDead = options.onDead;
  }

  /** Zero: the server asks for none. */
  start(intervalMs: number): void {
    this.stop();
    this.#intervalMs = intervalMs;
    this.#unanswered = 0;
    if (intervalMs > 0) this.#schedule(intervalMs);
  }

  /** Something arrived. */
  seen(): void {
    this.#unanswered = 0;
  }

  /** Asks at once and waits no longer than `withinMs`: for a page or a network that woke up. */
  probe(withinMs: number): void {
    if (this.#intervalMs === 0) return;
    this.stop();
    this.#unanswered = MAX_UNANSWERED;
    this.#ping();
    this.#schedule(Math.min(withinMs, this.#intervalMs));
  }

  stop(): void {
    if (this.#timer !== undefined) this.#timers.clear(this.#timer);
    this.#timer = undefined;
  }

  #schedule(ms: number): void {
    this.#timer = this.#timers.set(() => {
      this.#timer = undefined;
      if (this.#unanswered >= MAX_UNANSWERED) {
        this.#onDead();
        return;
      }
      this.#unanswered += 1;
      this.#ping();
      this.#schedule(this.#intervalMs);
    }, ms);
  }

  #ping(): void {
    this.#id += 1;
    this.#sendPing(this.#id);
  }
}

const MAX_UNANSWERED = 2;
