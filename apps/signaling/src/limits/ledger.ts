import type { Rate } from './limiter.ts';

/** What a node has let through for a key and has not said yet. */
export interface Charge {
  readonly key: string;
  readonly count: number;
  /**
   * How many milliseconds the theoretical arrival time would be ahead now if these messages were
   * all there ever were; negative for some time ago.
   */
  readonly ahead: number;
}

/** Where the nodes of a service write down what each has let through. */
export interface Ledger {
  /**
   * Charges the keys, and answers for each how many milliseconds its theoretical arrival time is
   * ahead now, by the usage of all nodes (GCRA: limiter.ts); undefined for one that was not
   * answered, which may have been charged all the same. Bounded in time; never rejects.
   *
   * An arrival time after n messages is max(before + n intervals, what these alone would make):
   * each message is "the later of now and before, plus one interval", and such steps compose.
   */
  settle(
    scope: string,
    rate: Rate,
    charges: readonly Charge[],
  ): Promise<readonly (number | undefined)[]>;
}
