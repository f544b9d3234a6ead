/** A connection whose receiver may lag behind. */
export interface Lagging {
  /** Bytes that the receiver has not taken yet. */
  readonly unsent: number;
  /** Ends it at once and frees what it holds. */
  giveUp(): void;
}

/** Below this a connection is not counted: most never hold more than a message for an instant. */
export const LAG_BYTES = 8192;

/** What relief leaves: so much that the next one is far enough away to be worth its walk. */
const RELIEF = 7 / 8;

/**
 * Bounds what all receivers of a node together have not taken. Each has a bound of its own, but
 * thousands that all stop short of it hold more than a machine has; then those that hold most go.
 */
export class Backlog {
  readonly #most: number;
  /** What each held when it was last looked at. */
  readonly #held = new Map<Lagging, number>();
  #total = 0;
  #relieving = false;

  /** `most`: bytes. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Connections that are counted. */
  get size(): number {
    return this.#held.size;
  }

  /** Something was written for the connection, which now holds more than LAG_BYTES. */
  note(connection: Lagging): void {
    const { unsent } = connection;
    this.#total += unsent - (this.#held.get(connection) ?? 0);
    this.#held.set(connection, unsent);
    if (this.#total > this.#most && !this.#relieving) this.#relieve();
  }

  /** The connection has ended. */
  forget(connection: Lagging): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    this.#held.delete(connection);
    this.#total -= held;
  }

  /** Most of what was noted may be taken by now. */
  #relieve(): void {
    this.#relieving = true;
    this.#total = 0;
    for (const connection of this.#held.keys()) {
      const { unsent } = connection;
      if (unsent <= LAG_BYTES) this.#held.delete(connection);
      else {
        this.#held.set(connection, unsent);
        this.#total += unsent;
      }
    }
    if (this.#total > this.#most) {
      const largest = [...this.#held].sort(([, a], [, b]) => b - a);
      for (const [connection] of largest) {
        if (this.#total <= this.#most * RELIEF) break;
        connection.giveUp();
        this.forget(connection);
      }
    }
    this.#relieving = false;
  }
}
