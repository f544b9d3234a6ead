import type { OutgoingRelay } from './signaling-messages.ts';

/**
 * Relays that wait for the connection, in order.
 *
 * Policy: an offer or answer drops what waits of other sessions with the same peer, and its own
 * earlier version. `video-metrics` keeps only the newest. When full, the oldest candidate goes
 * (a session survives the loss of one), else the oldest message.
 */
export class OutgoingQueue {
  readonly #capacity: number;
  #messages: OutgoingRelay[] = [];
  #dropped = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#messages.length;
  }

  /** How many were dropped, ever. */
  get dropped(): number {
    return this.#dropped;
  }

  push(message: OutgoingRelay): void {
    if (message.type === 'offer' || message.type === 'answer') {
      const { type, session, to } = message;
      this.#keep((other) => {
        if (!('session' in other) || other.to !== to) return true;
        return other.session === session && other.type !== type;
      });
    } else if (message.type === 'video-metrics') {
      this.#keep((other) => other.type !== 'video-metrics' || other.to !== message.to);
    }
    if (this.#messages.length >= this.#capacity) {
      const candidate = this.#messages.findIndex((other) => other.type === 'candidate');
      this.#messages.splice(Math.max(candidate, 0), 1);
      this.#dropped += 1;
    }
    this.#messages.push(message);
  }

  /** Empties the queue. Messages to peers that `isPresent` does not know are dropped. */
  drain(isPresent: (peerId: string) => boolean): OutgoingRelay[] {
    this.#keep((message) => message.to === undefined || isPresent(message.to));
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  clear(): void {
    this.#keep(() => false);
  }

  #keep(wanted: (message: OutgoingRelay) => boolean): void {
    const kept = this.#messages.filter(wanted);
    this.#dropped += this.#messages.length - kept.length;
    this.#messages = kept;
  }
}
