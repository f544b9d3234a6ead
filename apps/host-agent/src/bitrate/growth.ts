/** What the next step of growth needs to know. Rates in bit/s, times in ms. */
export interface GrowthInput {
  readonly bps: number;
  /** By packet trains; undefined: they say nothing. */
  readonly trainsBps: number | undefined;
  /** Content asks for less than the rate. */
  readonly limited: boolean;
  readonly elapsedMs: number;
  readonly now: number;
}

/** Per second: towards what trains show, near what the path carried, and where nothing is known. */
const PER_S = { known: 4, back: 0.8, near: 0.02, least: 0.3, most: 1.3 } as const;
/** Growth into the unknown doubles in so long, while all is quiet. */
const DOUBLES_MS = 300;
/** Content that does not fill the rate shows less of the path: then only a part of what trains say. */
const UNTESTED_SHARE = 0.7;
/** Of what trains show, what is never gone beyond: the rest is for frames that are larger than others. */
const MOST_SHARE = 0.92;
const MEMORY_MS = 10_000;
const PAST = 1.05;
const LEAST_BPS = 50_000;
/** Beside others on one bottleneck: of all that it carries, each second; the same for each of them. */
const SHARED_PER_S = 0.08;

/** How a rate grows while no queue stands. Pure. */
export class Growth {
  /** Of what the path carries, the rate that is taken without hesitation. */
  readonly #share: number;
  #carried: { readonly bps: number; readonly at: number } | undefined;
  /** The bottleneck as a whole, while others are seen to use it too. */
  #shared: { readonly bps: number; readonly at: number } | undefined;
  #quietSince: number | undefined;

  constructor(share: number) {
    this.#share = share;
  }

  /** While a queue stood, so much arrived. */
  learn(bps: number, at: number): void {
    this.#carried = { bps, at };
    this.#quietSince = undefined;
  }

  /**
   * A queue stood, and less of ours arrived than the bottleneck carries: the rest is somebody else's.
   * Growth by the same steps for all, and cuts by a share, bring equal parts (Chiu and Jain, 1989).
   */
  share(wholeBps: number, at: number): void {
    this.#shared = { bps: wholeBps, at };
  }

  /** Others have been there lately. */
  isShared(now: number): boolean {
    return this.#shared !== undefined && now - this.#shared.at < MEMORY_MS;
  }

  forget(): void {
    this.#shared = undefined;
    this.#carried = undefined;
    this.#quietSince = undefined;
  }

  next(input: GrowthInput): {
    readonly bps: number;
    readonly reason: 'probe' | 'increase' | 'hold' | 'application-limited';
  } {
    const { bps, trainsBps, limited, now } = input;
    if (this.#carried !== undefined && now - this.#carried.at > MEMORY_MS)
      this.#carried = undefined;
    if (this.#shared !== undefined && this.isShared(now)) {
      if (limited) return { bps, reason: 'application-limited' };
      const step = SHARED_PER_S * this.#shared.bps * (input.elapsedMs / 1000);
      return { bps: bps + step, reason: 'increase' };
    }
    if (trainsBps !== undefined) {
      const known = trainsBps * (limited ? UNTESTED_SHARE : this.#share);
      if (bps < known)
        return { bps: Math.min(known, this.#by(PER_S.known, input)), reason: 'probe' };
      if (limited) return { bps, reason: 'application-limited' };
      return {
        bps: Math.max(bps, Math.min(trainsBps * MOST_SHARE, this.#by(PER_S.near, input))),
        reason: 'increase',
      };
    }
    if (limited) return { bps, reason: 'application-limited' };
    return this.#unknown(input);
  }

  #unknown(input: GrowthInput): { readonly bps: number; readonly reason: 'probe' | 'increase' } {
    const { bps, now } = input;
    const carried = this.#carried?.bps ?? Number.POSITIVE_INFINITY;
    if (bps > carried * PAST) this.#carried = undefined;
    else if (bps >= carried * this.#share) {
      this.#quietSince = now;
      return { bps: this.#by(PER_S.near, input), reason: 'increase' };
    } else if (carried < Number.POSITIVE_INFINITY) {
      return { bps: Math.min(carried * this.#share, this.#by(PER_S.back, input)), reason: 'probe' };
    }
    this.#quietSince ??= now;
    const rate = Math.min(PER_S.least * 2 ** ((now - this.#quietSince) / DOUBLES_MS), PER_S.most);
    return { bps: this.#by(rate, input), reason: 'probe' };
  }

  #by(perS: number, { bps, elapsedMs }: GrowthInput): number {
    return bps + Math.max(perS * bps, LEAST_BPS) * (elapsedMs / 1000);
  }
}
