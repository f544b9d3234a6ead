import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.ts';

export interface RevivalOptions {
  readonly client: Redis | Cluster;
  readonly clock: Clock;
  /** Silence that is borne, milliseconds. */
  readonly patienceMs: number;
}

/** Where a client makes its next attempt by itself. */
const BETWEEN: ReadonlySet<string> = new Set(['wait', 'reconnecting', 'close', 'end']);

/**
 * Gives up a connection that is half open: TCP takes a quarter of an hour to find out that nobody
 * is there, and a client of Redis never asks.
 */
export class Revival {
  readonly #options: RevivalOptions;
  #since: number;

  constructor(options: RevivalOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    options.client.on('connecting', () => {
      this.heard();
    });
    options.client.on('connect', () => {
      this.heard();
    });
  }

  heard(): void {
    this.#since = this.#options.clock.now();
  }

  /** When something should have been heard: connects anew if nothing was for too long. */
  check(): void {
    const { client, clock, patienceMs } = this.#options;
    if (clock.now() - this.#since < patienceMs || BETWEEN.has(client.status)) return;
    this.heard();
    client.disconnect(true);
  }
}
