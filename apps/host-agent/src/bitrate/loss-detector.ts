interface Count {
  readonly at: number;
  readonly received: number;
  readonly lost: number;
}

/** Loss over less than this is chance. */
const SPAN = { leastMs: 1000, mostMs: 5000, packets: 50 } as const;
/** Below `free`, repair costs less than a lower rate. */
const LOSS = { free: 0.02, congested: 0.05 } as const;
/** A lower rate is tried for so long; if it is lost as much as before, the rate is not the reason. */
const TRIAL_MS = 1200;
const SAME_SHARE = 0.6;
/** Then losses like these are the path's for so long. */
const KNOWN_MS = 20_000;

/**
 * Tells losses that a lower rate would end (a policer, a short queue that drops) from those of a
 * radio, which it would not: by trying. Pure; counts are totals, times ms.
 */
export class LossDetector {
  #counts: Count[] = [];
  #trial: { readonly since: number; readonly share: number } | undefined;
  #known: { readonly until: number; readonly share: number } | undefined;

  take(totals: { readonly received: number; readonly lost: number }, now: number): void {
    this.#counts.push({ at: now, ...totals });
    while ((this.#counts[1]?.at ?? now) < now - SPAN.mostMs) this.#counts.shift();
  }

  /** Lost of sent, over a second or as long as it takes for enough packets; undefined: too few. */
  share(now: number): number | undefined {
    const newest = this.#counts.at(-1);
    if (newest === undefined) return undefined;
    for (let index = this.#counts.length - 2; index >= 0; index -= 1) {
      const from = this.#counts[index];
      if (from === undefined) break;
      const lost = Math.max(0, newest.lost - from.lost);
      const all = newest.received - from.received + lost;
      if (now - from.at >= SPAN.leastMs && all >= SPAN.packets) return lost / all;
    }
    return undefined;
  }

  /** What a lower rate did not end; 0: nothing. */
  innocentShare(now: number): number {
    return this.#known !== undefined && now < this.#known.until ? this.#known.share : 0;
  }

  /** Whether to go slower for what is lost. */
  verdict(now: number): 'none' | 'slower' | 'wait' | 'innocent' {
    const share = this.share(now) ?? 0;
    if (share < LOSS.congested) {
      if (share <= LOSS.free) this.#trial = undefined;
      return 'none';
    }
    if (this.#known !== undefined && now < this.#known.until && share < this.#known.share * 2) {
      return 'none';
    }
    if (this.#trial === undefined) {
      this.#trial = { since: now, share };
      return 'slower';
    }
    if (now - this.#trial.since < TRIAL_MS) return 'wait';
    if (share > SAME_SHARE * this.#trial.share) {
      this.#known = { until: now + KNOWN_MS, share };
      this.#trial = undefined;
      return 'innocent';
    }
    this.#trial = { since: now, share };
    return 'slower';
  }

  /** What was lost so far had another reason: an outage, or a queue that has been answered. */
  forgive(): void {
    this.#counts = this.#counts.slice(-1);
    this.#trial = undefined;
  }
}
