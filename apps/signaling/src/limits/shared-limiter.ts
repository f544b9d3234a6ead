import type { Clock } from '../base/clock.ts';
import { Gcra, type KeyedLimiterOptions, type Limiter, type Wait } from './limiter.ts';
import type { Charge, Ledger } from './ledger.ts';
import { LimitTable } from './limit-table.ts';

export interface SharedLimiterOptions extends KeyedLimiterOptions {
  /** Names the limit in the ledger. */
  readonly scope: string;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** How much of a key this node lets through on credit before it settles. */
  readonly batch: number;
  readonly onSettled: (result: SettleResult) => void;
}

/** `within` or `over` the limit, by what all nodes have let through; `failed`: no answer. */
export const SETTLE_RESULTS = ['within', 'over', 'failed'] as const;
export type SettleResult = (typeof SETTLE_RESULTS)[number];

/** Keys that one settlement takes; the rest waits for the next. */
const MAX_CHARGES = 500;

/**
 * One limit per key over all nodes, that answers at once. Each node keeps the whole limit of a
 * key by itself, and leases it in batches: it lets a batch through on credit, charges that to the
 * ledger off the message path, and learns from the answer what the others have used, which counts
 * here from then on. So a key that stays below a batch costs nothing, a busy one a command a
 * batch, and one that has to wait nothing again. What was let through is charged even where that
 * is over the limit: a credit that was too generous is paid back by waiting.
 *
 * All nodes together exceed the limit by a batch each at most, and by what comes while an answer
 * is on its way. Without answers the limit is each node's own; nobody is refused for want of one.
 */
export class SharedLimiter implements Limiter {
  readonly #options: SharedLimiterOptions;
  readonly #table: LimitTable<Account>;
  readonly #interval: number;
  /** Accounts that are to be settled, each once. */
  #due: Account[] = [];
  #settling = false;

  constructor(options: SharedLimiterOptions) {
    this.#options = options;
    this.#interval = options.periodMs / Math.max(options.limit, 1);
    this.#table = new LimitTable({ ...options, create: (key) => new Account(key, options) });
  }

  get size(): number {
    return this.#table.size;
  }

  take(key: string, now: number, cost = 1): Wait {
    if (this.#options.limit === 0) return 0;
    const account = this.#table.of(key, now);
    const wait = account.take(now, cost);
    if (wait > 0) return wait;
    account.lend(now, this.#interval, Math.min(cost, this.#options.limit));
    if (account.unsettled >= this.#options.batch) this.#settleSoon(account);
    return 0;
  }

  check(key: string, now: number, cost = 1): Wait {
    return this.#table.find(key)?.check(now, cost) ?? 0;
  }

  #settleSoon(account: Account): void {
    if (account.settling) return;
    account.settling = true;
    this.#due.push(account);
    if (this.#settling) return;
    this.#settling = true;
    // What else this turn of the event loop makes due goes along.
    setImmediate(() => void this.#settleAll());
  }

  /** One settlement after the other: a slow ledger gets larger ones, not more of them. */
  async #settleAll(): Promise<void> {
    while (this.#due.length > 0) {
      const accounts = this.#due.slice(0, MAX_CHARGES);
      this.#due = this.#due.slice(MAX_CHARGES);
      await this.#settle(accounts);
    }
    this.#settling = false;
  }

  async #settle(accounts: readonly Account[]): Promise<void> {
    const { ledger, scope, clock, limit, periodMs, batch, onSettled } = this.#options;
    const asked = clock.now();
    const charges = accounts.map((account) => account.charge(asked));
    const answers = await ledger.settle(scope, { limit, periodMs }, charges);
    for (const [index, account] of accounts.entries()) {
      const ahead = answers[index];
      account.settling = false;
      onSettled(ahead === undefined ? 'failed' : ahead > periodMs ? 'over' : 'within');
      // From when it was asked, so that an answer that takes long is never too strict.
      if (ahead !== undefined) {
        account.advance(asked + ahead + account.unsettled * this.#interval);
      }
      if (account.unsettled >= batch) this.#settleSoon(account);
    }
  }
}

/** What this node knows of a key. */
class Account extends Gcra {
  readonly key: string;
  /** Let through, and not charged to the ledger yet. */
  unsettled = 0;
  settling = false;
  /** Theoretical arrival time by these messages alone. */
  #lent = 0;

  constructor(key: string, options: SharedLimiterOptions) {
    super(options);
    this.key = key;
  }

  lend(now: number, interval: number, cost: number): void {
    const from = this.unsettled === 0 ? now : Math.max(this.#lent, now);
    this.#lent = from + interval * cost;
    this.unsettled += cost;
  }

  charge(now: number): Charge {
    const count = this.unsettled;
    this.unsettled = 0;
    return { key: this.key, count, ahead: this.#lent - now };
  }

  override isFresh(now: number): boolean {
    return !this.settling && super.isFresh(now);
  }
}
