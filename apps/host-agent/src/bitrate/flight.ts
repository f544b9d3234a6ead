/** A browser reports about so often, so what has arrived is known so much later. */
const REPORT_MS = 70;
const RTT_MS = 10_000;
/** What may be on the way beyond that: a picture larger than others, and one report that comes late. */
const SLACK_MS = { free: 60, tight: 10 } as const;
const LEAST_BYTES = 12_000;
const UNKNOWN_RTT_MS = 100;

/**
 * How many bytes may be on the way unacknowledged (SCReAM, RFC 8298, calls it the congestion
 * window). Whoever hears nothing any more stops within a round trip, and what a path that became
 * slower holds is bounded. Pure; times in ms.
 */
export class Flight {
  #rtts: { readonly at: number; readonly ms: number }[] = [];

  /** From the sending of what a report names last to its coming: the round trip, and a wait that is least over some. */
  take(rttMs: number, now: number): void {
    while ((this.#rtts.at(-1)?.ms ?? -1) >= rttMs) this.#rtts.pop();
    this.#rtts.push({ at: now, ms: rttMs });
    while ((this.#rtts[0]?.at ?? now) < now - RTT_MS) this.#rtts.shift();
  }

  /** Least of the last ten seconds. */
  get rttMs(): number {
    return this.#rtts[0]?.ms ?? UNKNOWN_RTT_MS;
  }

  /** Until the effect of what is done now is known. */
  get answerMs(): number {
    return this.rttMs + REPORT_MS;
  }

  /** `tight`: a queue is to be emptied, so no more than what the path itself holds. */
  windowBytes(bps: number, tight: boolean): number {
    const slack = tight ? SLACK_MS.tight : SLACK_MS.free;
    return Math.max(LEAST_BYTES, (bps / 8000) * (this.rttMs + REPORT_MS + slack));
  }

  forget(): void {
    this.#rtts = [];
  }
}
