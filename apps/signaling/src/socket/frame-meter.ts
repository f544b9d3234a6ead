/** What is wrong with a client's framing before anything of it can be read. */
export type MeterFault = 'too-large' | 'too-many-parts';

export interface MeterBounds {
  /** Payload of one message, all its fragments together. */
  readonly maxMessageBytes: number;
  /** Fragments of one message. */
  readonly maxFragments: number;
  /** Reads that one message may come in: each is a buffer of its own, however few bytes it has. */
  readonly maxReads: number;
}

/** What a buffer and a fragment cost beside their bytes, about. */
const READ_COST = 256;
const FRAGMENT_COST = 128;

const FIRST_CONTROL_OPCODE = 8;

/**
 * Follows the frames of a client (RFC 6455, 5.2) by their headers alone, and knows at each moment
 * how much memory its unfinished message holds. ws bounds a single message; who opens thousands
 * of connections and ends no message fills a machine all the same, and a message of one-byte
 * fragments holds a hundred times its size.
 */
export class FrameMeter {
  readonly #bounds: MeterBounds;
  /** Bytes of the header that were read, and what they said. */
  #header = 0;
  #extended = 0;
  #fin = false;
  #opcode = 0;
  #masked = false;
  #length = 0;
  /** Bytes of mask and payload that are still to come. */
  #left = 0;
  #inPayload = false;
  /** Of the message that has begun. */
  #messageBytes = 0;
  #fragments = 0;
  #reads = 0;
  #readBytes = 0;
  #fault: MeterFault | undefined;

  constructor(bounds: MeterBounds) {
    this.#bounds = bounds;
  }

  /** Bytes of memory that wait for the end of a message, about. */
  get held(): number {
    return this.#readBytes + this.#reads * READ_COST + this.#fragments * FRAGMENT_COST;
  }

  /** The next bytes of the client. After a fault nothing is followed any more. */
  take(chunk: Uint8Array): MeterFault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    let at = 0;
    let ended = false;
    while (at < chunk.length && this.#fault === undefined) {
      if (this.#inPayload) {
        const step = Math.min(this.#left, chunk.length - at);
        at += step;
        this.#left -= step;
      } else {
        this.#readHeader(chunk[at] ?? 0);
        at += 1;
      }
      if (this.#inPayload && this.#left === 0 && this.#endFrame()) ended = true;
    }
    if (this.#fault === undefined) this.#count(chunk.length, ended);
    return this.#fault;
  }

  #readHeader(byte: number): void {
    this.#header += 1;
    if (this.#header === 1) {
      this.#fin = (byte & 0x80) !== 0;
      this.#opcode = byte & 0x0f;
      return;
    }
    if (this.#header === 2) {
      this.#masked = (byte & 0x80) !== 0;
      const short = byte & 0x7f;
      this.#extended = short === 126 ? 2 : short === 127 ? 8 : 0;
      this.#length = this.#extended === 0 ? short : 0;
    } else {
      this.#length = this.#length * 256 + byte;
      this.#extended -= 1;
    }
    if (this.#extended === 0) this.#beginPayload();
  }

  #beginPayload(): void {
    this.#inPayload = true;
    this.#left = this.#length + (this.#masked ? 4 : 0);
    if (this.#opcode >= FIRST_CONTROL_OPCODE) return;
    this.#messageBytes += this.#length;
    this.#fragments += 1;
    const { maxMessageBytes, maxFragments } = this.#bounds;
    if (this.#messageBytes > maxMessageBytes) this.#fault = 'too-large';
    else if (this.#fragments > maxFragments) this.#fault = 'too-many-parts';
  }

  /** Answers whether a message ended with it. */
  #endFrame(): boolean {
    this.#inPayload = false;
    this.#header = 0;
    if (this.#opcode >= FIRST_CONTROL_OPCODE || !this.#fin) return false;
    this.#messageBytes = 0;
    this.#fragments = 0;
    return true;
  }

  /** A part of a read keeps all of it in memory. */
  #count(size: number, ended: boolean): void {
    const open = this.#header > 0 || this.#fragments > 0;
    if (!open || ended) {
      this.#reads = 0;
      this.#readBytes = 0;
    }
    if (!open) return;
    this.#reads += 1;
    this.#readBytes += size;
    if (this.#reads > this.#bounds.maxReads) this.#fault = 'too-many-parts';
  }
}
