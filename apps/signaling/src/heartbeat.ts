import { CLOSE } from '@peerdeck/protocol';
import type { Clock } from './clock.ts';

/** What the heartbeat needs of a connection. */
export interface Beating {
  readonly lastSeen: number;
  ping(): void;
  terminate(code: number): void;
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Between two pings of a connection. */
  readonly intervalMs: number;
  /** Silence after which a connection is dead: TCP alone may take a quarter of an hour. */
  readonly timeoutMs: number;
  readonly onDead?: () => void;
}

/** Sweeps an interval takes: pings are spread over it instead of leaving in one burst. */
const SLICES = 10;

/** Pings every connection and ends the dead. One timer for all. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #nextPing = new Map<Beating, number>();
  #cancel: (() => void) | undefined;
  #closed = false;
  #sweptAt: number;
  #stalledAt = Number.NEGATIVE_INFINITY;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#sweptAt = options.clock.now();
    this.#schedule();
  }

  add(connection: Beating): void {
    this.#nextPing.set(connection, this.#options.clock.now() + this.#options.intervalMs);
  }

  remove(connection: Beating): void {
    this.#nextPing.delete(connection);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#nextPing.clear();
  }

  #sweep(): void {
    const { clock, intervalMs, timeoutMs } = this.#options;
    const now = clock.now();
    // After a stall of this process everybody looks silent: what they sent is still unread.
    if (now - this.#sweptAt > timeoutMs / 2) this.#stalledAt = now;
    this.#sweptAt = now;
    for (const [connection, due] of this.#nextPing) {
      if (now - Math.max(connection.lastSeen, this.#stalledAt) >= timeoutMs) {
        this.#nextPing.delete(connection);
        this.#options.onDead?.();
        connection.terminate(CLOSE.heartbeatTimeout);
      } else if (now >= due) {
        this.#nextPing.set(connection, now + intervalMs);
        connection.ping();
      }
    }
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(this.#options.intervalMs / SLICES, () => {
      this.#sweep();
      this.#schedule();
    });
  }
}
