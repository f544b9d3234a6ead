import type { Socket } from 'node:net';

/** What is wrong with one direction of a line. Whatever is left out is as it should be. */
export interface Faults {
  /** Added to each chunk on its way. The order is kept. */
  readonly latencyMs?: number;
  /** At most so much more, evenly random for each chunk. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Takes all and passes nothing on, not even the end: a half-open line. */
  readonly blackhole?: boolean;
  /** Reads nothing, so that the sender's buffers fill. */
  readonly paused?: boolean;
  /** After so many more bytes of a connection both of its ends are reset. */
  readonly cutAfterBytes?: number;
}

/** Bytes that one direction of a connection holds back at most; then it is not read. */
const MAX_HELD_BYTES = 2 ** 20;

/** One direction of a connection: what `from` says goes to `to`, late or not at all. */
export class FaultPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onCut: () => void;
  readonly #onSwallowed: (bytes: number) => void;
  readonly #queue: { readonly due: number; readonly chunk: Buffer | undefined }[] = [];
  #held = 0;
  #lastDue = 0;
  #left = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #faults: Faults = {};
  #lossy = false;
  #stranded = false;

  constructor(from: Socket, to: Socket, onCut: () => void, onSwallowed: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#onCut = onCut;
    this.#onSwallowed = onSwallowed;
    from.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
    from.on('end', () => {
      this.#push(undefined);
    });
    to.on('drain', () => {
      this.#pace();
    });
  }

  get blackhole(): boolean {
    return this.#faults.blackhole === true;
  }

  set(faults: Faults): void {
    if (this.#stranded) return;
    this.#faults = faults;
    // The rest of a stream makes no sense without what is lost of it.
    if (this.#lossy && !this.blackhole) return this.#onCut();
    this.#left = faults.cutAfterBytes ?? Number.POSITIVE_INFINITY;
    this.#pace();
  }

  /** A blackhole for good. */
  strand(): void {
    this.set({ blackhole: true });
    this.#stranded = true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#left);
    this.#left -= kept.length;
    if (kept.length > 0) this.#push(kept);
    else this.#flush();
  }

  /** undefined: the end. */
  #push(chunk: Buffer | undefined): void {
    if (this.blackhole) {
      this.#lossy = true;
      this.#onSwallowed(chunk?.length ?? 0);
      return;
    }
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = this.#faults;
    const arrival = performance.now() + latencyMs + Math.random() * jitterMs;
    const length = chunk?.length ?? 0;
    this.#lastDue = Math.max(this.#lastDue, arrival) + (length / bytesPerSecond) * 1000;
    this.#held += length;
    this.#queue.push({ due: this.#lastDue, chunk });
    this.#flush();
    this.#pace();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    for (;;) {
      const [next] = this.#queue;
      if (next === undefined) break;
      const wait = next.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => {
          this.#flush();
          this.#pace();
        }, wait);
        return;
      }
      this.#queue.shift();
      this.#held -= next.chunk?.length ?? 0;
      if (this.blackhole) continue;
      if (next.chunk === undefined) this.#to.end();
      else this.#to.write(next.chunk);
    }
    if (this.#left === 0) this.#to.write('', () => this.#onCut());
  }

  #pace(): void {
    const full = this.#held + this.#to.writableLength > MAX_HELD_BYTES;
    if (this.#faults.paused === true || full) this.#from.pause();
    else this.#from.resume();
  }
}
