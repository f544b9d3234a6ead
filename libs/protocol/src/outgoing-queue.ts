import { utf8Bytes } from './bytes.ts';
import type { OutgoingRelay } from './signaling-messages.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * Relays that wait for the connection, in order.
 *
 * Policy: an offer or answer drops what waits of other sessions with the same peer, and its own
 * earlier version. `video-metrics` keeps only the newest. When full, the oldest candidate goes
 * (a session survives the loss of one), else the oldest message. Full is what it holds of
 * messages or of bytes, whichever comes first.
 */
export class OutgoingQueue {
  readonly #capacity: number;
  readonly #maxBytes: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(capacity: number, maxBytes = MAX_BYTES) {
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** On the wire. */
  get bytes(): number {
    return this.#bytes;
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
    const bytes = utf8Bytes(JSON.stringify(message));
    if (bytes > this.#maxBytes) {
      this.#dropped += 1;
      return;
    }
    while (this.#waiting.length >= this.#capacity || this.#bytes + bytes > this.#maxBytes) {
      this.#dropOne();
    }
    this.#waiting.push({ message, bytes });
    this.#bytes += bytes;
  }

  /** Empties the queue. Messages to peers that `isPresent` does not know are dropped. */
  drain(isPresent: (peerId: string) => boolean): OutgoingRelay[] {
    this.#keep((message) => message.to === undefined || isPresent(message.to));
    const messages = this.#waiting.map(({ message }) => message);
    this.#waiting = [];
    this.#bytes = 0;
    return messages;
  }

  clear(): void {
    this.#keep(() => false);
  }

  #dropOne(): void {
    const candidate = this.#waiting.findIndex(({ message }) => message.type === 'candidate');
    const [gone] = this.#waiting.splice(Math.max(candidate, 0), 1);
    this.#bytes -= gone?.bytes ?? 0;
    this.#dropped += 1;
  }

  #keep(wanted: (message: OutgoingRelay) => boolean): void {
    const kept = this.#waiting.filter(({ message }) => wanted(message));
    this.#dropped += this.#waiting.length - kept.length;
    this.#waiting = kept;
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

interface Waiting {
  readonly message: OutgoingRelay;
  readonly bytes: number;
}
