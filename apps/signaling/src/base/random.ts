import { randomFillSync } from 'node:crypto';

export interface Random {
  /** Unguessable: `bytes` random bytes as base64url. */
  token(bytes: number): string;
  /** As many random bytes as hex digits. */
  hex(bytes: number): string;
  /** Evenly in [0, 1); for jitter only. */
  fraction(): number;
}

const POOL_BYTES = 4096;

/**
 * Random bytes of the system, fetched by the page: to ask for a few takes ten times as long as to
 * have them. No byte is used twice, and none stays in the pool once it was.
 */
class SystemRandom implements Random {
  #pool: Buffer | undefined;
  #used = POOL_BYTES;

  token(bytes: number): string {
    return this.#take(bytes, 'base64url');
  }

  hex(bytes: number): string {
    return this.#take(bytes, 'hex');
  }

  fraction(): number {
    return Math.random();
  }

  #take(bytes: number, encoding: 'base64url' | 'hex'): string {
    if (bytes > POOL_BYTES) throw new RangeError(`at most ${POOL_BYTES} bytes at a time`);
    const pool = (this.#pool ??= Buffer.alloc(POOL_BYTES));
    if (this.#used + bytes > POOL_BYTES) {
      randomFillSync(pool);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += bytes;
    const text = pool.toString(encoding, start, this.#used);
    pool.fill(0, start, this.#used);
    return text;
  }
}

export const systemRandom: Random = new SystemRandom();
