/** Pings that wait for their pong; the oldest is forgotten when there are more than this. */
const MAX_OUTSTANDING = 32;

/** Round trips of one control channel, by our own clock alone: an echo can't lie about it. */
export class RoundTrip {
  readonly #sent = new Map<number, number>();
  #nextId = 0;
  #ms: number | undefined;
  #measuredAt = Number.NEGATIVE_INFINITY;

  /** Of the newest pong. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** The newest round trip, if it was measured within `maxAgeMs`. */
  fresh(now: number, maxAgeMs: number): number | undefined {
    return now - this.#measuredAt <= maxAgeMs ? this.#ms : undefined;
  }

  ping(now: number): { type: 'ping'; id: number; t: number } {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#sent.set(id, now);
    if (this.#sent.size > MAX_OUTSTANDING) this.#sent.delete(id - MAX_OUTSTANDING);
    return { type: 'ping', id, t: Math.round(now) };
  }

  /** A pong to what was never asked, or was answered before, changes nothing. */
  pong(id: number, now: number): void {
    const at = this.#sent.get(id);
    if (at === undefined) return;
    this.#sent.delete(id);
    this.#ms = now - at;
    this.#measuredAt = now;
  }
}
