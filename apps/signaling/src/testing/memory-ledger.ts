import type { Clock } from '../base/clock.ts';
import type { Charge, Ledger } from '../limits/ledger.ts';
import type { Rate } from '../limits/limiter.ts';

/** What RedisLedger keeps in Redis, in this process and by a test's clock. */
export class MemoryLedger implements Ledger {
  /** Theoretical arrival times, by scope and key. */
  readonly arrivals = new Map<string, number>();
  /** Nobody answers. */
  away = false;
  settlements = 0;
  charged = 0;
  readonly #clock: Clock;
  #held: Promise<void> = Promise.resolve();
  #release = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Answers wait for `release`. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
  }

  async settle(
    scope: string,
    { limit, periodMs }: Rate,
    charges: readonly Charge[],
  ): Promise<readonly (number | undefined)[]> {
    if (this.away) return charges.map(() => undefined);
    this.settlements += 1;
    this.charged += charges.length;
    const now = this.#clock.now();
    const answers = charges.map(({ key, count, ahead }) => {
      const name = `${scope} ${key}`;
      const before = this.arrivals.get(name) ?? Number.NEGATIVE_INFINITY;
      const arrival = Math.max(before + (count * periodMs) / limit, now + ahead);
      this.arrivals.set(name, Math.min(arrival, now + periodMs + 60_000));
      return Math.min(arrival, now + periodMs + 60_000) - now;
    });
    await this.#held;
    return answers;
  }
}
