/** What a table keeps for a key. */
export interface LimitEntry {
  /** Whether a new entry would answer the same: then this one need not be remembered. */
  isFresh(now: number): boolean;
}

export interface LimitTableOptions<Entry> {
  /** Most keys remembered. When full the fresh ones go, then the oldest. */
  readonly maxKeys: number;
  readonly periodMs: number;
  readonly create: (key: string) => Entry;
}

/** The entries of a limit, by key. Bounded, whatever keys come. */
export class LimitTable<Entry extends LimitEntry> {
  readonly #options: LimitTableOptions<Entry>;
  readonly #entries = new Map<string, Entry>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: LimitTableOptions<Entry>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entry of the key, made if there is none. */
  of(key: string, now: number): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    this.#makeRoom(now);
    const entry = this.#options.create(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #makeRoom(now: number): void {
    const { maxKeys, periodMs } = this.#options;
    const full = this.#entries.size >= maxKeys;
    // A sweep walks all keys: ten in a period at most, however many new keys come.
    if (now - this.#sweptAt >= (full ? periodMs / 10 : periodMs)) {
      this.#sweptAt = now;
      for (const [key, entry] of this.#entries) if (entry.isFresh(now)) this.#entries.delete(key);
    }
    if (this.#entries.size < maxKeys) return;
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
