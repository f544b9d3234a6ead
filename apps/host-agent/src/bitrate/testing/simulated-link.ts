/** What a link is like at some time; all of it may change while packets are on the way. */
export interface LinkState {
  readonly bps: number;
  readonly oneWayMs: number;
  readonly queueBytes: number;
  /** Added delay, even between 0 and this; the order of packets is kept. */
  readonly jitterMs: number;
  readonly lossShare: number;
  /** Nothing passes; what comes is dropped. */
  readonly down: boolean;
}

export const CLEAN: LinkState = {
  bps: 20e6,
  oneWayMs: 20,
  queueBytes: 200_000,
  jitterMs: 0,
  lossShare: 0,
  down: false,
};

/** Headers of IP, UDP and SRTP's tag: the link carries them, and RTP's sizes leave them out. */
const OVERHEAD_BYTES = 38;

/** A number generator with a seed (mulberry32), so that a failing test fails again. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Called with the time of arrival, ms. */
type Arrive = (at: number) => void;

/** A bottleneck with a drop-tail queue in front of a path. Times in ms. */
export class SimulatedLink {
  state: LinkState = CLEAN;
  /** Wait of each packet in the queue, its own sending time left out, by the time it came. */
  readonly waits: { readonly at: number; readonly ms: number }[] = [];
  dropped = 0;
  readonly #random: () => number;
  readonly #queue: { readonly at: number; readonly bytes: number; readonly arrive: Arrive }[] = [];
  #queuedBytes = 0;
  #freeAt = 0;
  #lastArrival = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** `arrive` is called when the packet leaves the queue, unless it is lost. */
  send(at: number, rtpBytes: number, arrive: Arrive): void {
    const bytes = rtpBytes + OVERHEAD_BYTES;
    if (this.state.down || this.#queuedBytes + bytes > this.state.queueBytes) {
      this.dropped += 1;
      return;
    }
    this.#queue.push({ at, bytes, arrive });
    this.#queuedBytes += bytes;
  }

  /** Time passes; may be called by each of several senders. */
  step(now: number): void {
    const { bps, oneWayMs, jitterMs, lossShare } = this.state;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const start = Math.max(this.#freeAt, first.at);
      const leaves = start + (first.bytes * 8000) / bps;
      if (leaves > now) return;
      this.#queue.shift();
      this.#queuedBytes -= first.bytes;
      this.#freeAt = leaves;
      this.waits.push({ at: first.at, ms: start - first.at });
      if (this.#random() < lossShare) continue;
      this.#lastArrival = Math.max(
        this.#lastArrival,
        leaves + oneWayMs + this.#random() * jitterMs,
      );
      first.arrive(this.#lastArrival);
    }
  }

  change(next: Partial<LinkState>): void {
    this.state = { ...this.state, ...next };
    // Another path keeps no order with the one before.
    if (next.oneWayMs !== undefined) this.#lastArrival = 0;
  }
}
