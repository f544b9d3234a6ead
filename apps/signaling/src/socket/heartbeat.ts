import { CLOSE } from '@peerdeck/protocol';
import type { Clock } from '../base/clock.ts';

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

/** Parts of an interval after each of which the dead are looked for, among all. */
const SLICES = 10;
/** Between two looks for who is due: pings leave as their connections came, not in bursts. */
const PING_MS = 100;
/** The part of an interval without a word after which a connection is pinged. */
const QUIET = 0.9;

/** Pings every connection and ends the dead. One timer for all. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** When each is pinged next, the first one first: all have the same interval. */
  readonly #nextPing = new Map<Beating, number>();
  #cancel: (() => void) | undefined;
  #closed = false;
  #sweptAt: number;
  #nextCheck = Number.NEGATIVE_INFINITY;
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
    if (now >= this.#nextCheck) {
      this.#nextCheck = now + intervalMs / SLICES;
      this.#endDead(now);
    }
    // Clients of peerdeck.v2 ping for themselves: they are there, and need not be asked. One that
    // stops is still asked in time, and one that only answers is asked each time.
    const quietMs = timeoutMs >= intervalMs * 2 ? intervalMs * QUIET : 0;
    for (const [connection, due] of this.#nextPing) {
      if (now < due) break;
      this.#nextPing.delete(connection);
      this.#nextPing.set(connection, now + intervalMs);
      if (now - connection.lastSeen >= quietMs) connection.ping();
    }
  }

  #endDead(now: number): void {
    const { timeoutMs, onDead } = this.#options;
    const heardBefore = now - timeoutMs;
    if (this.#stalledAt > heardBefore) return;
    for (const connection of this.#nextPing.keys()) {
      if (connection.lastSeen > heardBefore) continue;
      this.#nextPing.delete(connection);
      onDead?.();
      connection.terminate(CLOSE.heartbeatTimeout);
    }
  }

  #schedule(): void {
    if (this.#closed) return;
    const wait = Math.min(this.#options.intervalMs / SLICES, PING_MS);
    this.#cancel = this.#options.clock.after(wait, () => {
      this.#sweep();
      this.#schedule();
    });
  }
}
