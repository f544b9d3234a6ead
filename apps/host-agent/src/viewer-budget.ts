import { TokenBucket } from './token-bucket.ts';

/** [so many at once, so many a second after that] of what a viewer costs the host. */
const PRICES = {
  /** Messages on the control channel. A page sends about a dozen a second. */
  message: [200, 60],
  /** Their characters. */
  text: [256 * 1024, 32 * 1024],
  /** Messages with input; a mouse makes a thousand a second at most. */
  input: [4000, 2000],
  /** Their bytes. */
  inputBytes: [256 * 1024, 128 * 1024],
  /** Answers to pings and to messages that are not right. */
  reply: [60, 20],
  /** Pictures made anew from nothing: all viewers pay for each. */
  keyframe: [6, 0.5],
  /** Offers, each of which is verified and answered. */
  offer: [30, 1],
  /** Connections opened for it. */
  peer: [20, 1],
  candidate: [300, 20],
  /** Log lines that it causes. */
  log: [20, 1],
} as const;
export type Cost = keyof typeof PRICES;

/** Costs at which going over is worth a word, and, if it goes on, the end. */
const OFFENCES: ReadonlySet<Cost> = new Set<Cost>(
  (Object.keys(PRICES) as Cost[]).filter((cost) => cost !== 'log'),
);
/** After the word there is this time to stop … */
const MERCY_MS = 3000;
/** … and more refusals than this since, in one stretch, are the end. */
const MAX_REFUSED = 100;
/** So long within the budget, and all is forgotten. */
const FORGIVE_MS = 30_000;

export type BudgetVerdict = 'fine' | 'tell' | 'remove';

/**
 * What one viewer may cost the host, whatever it does it with. What is over the budget is not
 * done; the viewer is told once, and removed if it goes on. So the others are never slowed by
 * more than one viewer's budget. Pure: time comes in.
 */
export class ViewerBudget {
  readonly #buckets = new Map<Cost, TokenBucket>();
  #toldAt: number | undefined;
  #refusedAt = 0;
  #refused = 0;
  #telling = false;

  /** False: it is too much now, and is not to be done. `now`: monotonic milliseconds. */
  take(cost: Cost, now: number, count = 1): boolean {
    if (this.#bucket(cost).take(count, now)) return true;
    if (OFFENCES.has(cost)) this.#refuse(now);
    return false;
  }

  /** As `take`, for what the viewer did not ask for just now: to go without is no offence. */
  afford(cost: Cost, now: number): boolean {
    return this.#bucket(cost).take(1, now);
  }

  /** What is to be done about it; asked after something was refused. */
  verdict(now: number): BudgetVerdict {
    if (this.#telling) {
      this.#telling = false;
      return 'tell';
    }
    const warned = this.#toldAt !== undefined && now - this.#toldAt >= MERCY_MS;
    return warned && this.#refused > MAX_REFUSED ? 'remove' : 'fine';
  }

  #bucket(cost: Cost): TokenBucket {
    const known = this.#buckets.get(cost);
    if (known !== undefined) return known;
    const [burst, perSecond] = PRICES[cost];
    const bucket = new TokenBucket(perSecond, burst);
    this.#buckets.set(cost, bucket);
    return bucket;
  }

  #refuse(now: number): void {
    if (this.#toldAt === undefined || now - this.#refusedAt >= FORGIVE_MS) {
      this.#toldAt = now;
      this.#telling = true;
      this.#refused = 0;
    }
    this.#refusedAt = now;
    this.#refused += 1;
  }
}
