/** A connection that may hold memory for what its client has not ended, or what waits. */
export interface IntakeHolder {
  /** Whom the connection counts for: limits per address go by it. */
  readonly address: string;
  /** Ends it at once and frees what it holds. */
  cutOff(): void;
}

/** What relief leaves: so much that the next one is far enough away to be worth its walk. */
const RELIEF = 7 / 8;

/**
 * Bounds what all clients of a node together have begun to say and not ended. Over the bound the
 * address that holds most gives way, its largest connection first: thousands of half messages
 * from one place cost nobody elsewhere a connection.
 */
export class Intake {
  readonly #most: number;
  readonly #held = new Map<IntakeHolder, number>();
  #total = 0;

  /** `most`: bytes. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that all of them hold. */
  get total(): number {
    return this.#total;
  }

  /** The connection holds so many bytes now. */
  note(holder: IntakeHolder, bytes: number): void {
    const before = this.#held.get(holder) ?? 0;
    if (bytes === before) return;
    this.#total += bytes - before;
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    if (this.#total > this.#most) this.#relieve();
  }

  /** The connection has ended. */
  forget(holder: IntakeHolder): void {
    this.note(holder, 0);
  }

  #relieve(): void {
    const byAddress = new Map<string, { total: number; holders: [IntakeHolder, number][] }>();
    for (const entry of this.#held) {
      const { address } = entry[0];
      const group = byAddress.get(address) ?? { total: 0, holders: [] };
      group.total += entry[1];
      group.holders.push(entry);
      byAddress.set(address, group);
    }
    for (const { holders } of byAddress.values()) holders.sort(([, a], [, b]) => a - b);
    while (this.#total > this.#most * RELIEF) {
      let largest: { total: number; holders: [IntakeHolder, number][] } | undefined;
      for (const group of byAddress.values()) {
        if (largest === undefined || group.total > largest.total) largest = group;
      }
      const last = largest?.holders.pop();
      if (largest === undefined || last === undefined) return;
      largest.total -= last[1];
      last[0].cutOff();
      this.forget(last[0]);
    }
  }
}
