import { createLocalJWKSet, errors, type CryptoKey, type JWSHeaderParameters } from 'jose';
import * as z from 'zod';
import type { Clock } from '../base/clock.ts';

export interface KeySetOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Something about the key set that its operator should know; at most once a cool-down. */
  readonly onFault: (reason: string) => void;
  readonly cacheMs?: number;
  readonly staleMs?: number;
  readonly cooldownMs?: number;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

/** No key for a token could be had: not the token's fault, and later it may work. */
export class KeysUnavailable extends Error {
  constructor(cause: unknown) {
    super('the key set cannot be read', { cause });
    this.name = 'KeysUnavailable';
  }
}

const keySetSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string() })).max(128),
});

type Lookup = ReturnType<typeof createLocalJWKSet>;

/** How long a key set is used without asking again: a key that was withdrawn works no longer. */
const CACHE_MS = 10 * 60_000;
/** How long it is used when asking again fails. */
const STALE_MS = 60 * 60_000;
/** Between two questions that a token's unknown key, or a failure, gives rise to. */
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 3000;
const MAX_BYTES = 256 * 1024;

/**
 * The public keys of an issuer, by the `kid` of a token. However many tokens come, and whatever
 * they claim: one question at a time, and one in a cool-down.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  #lookup: Lookup | undefined;
  /** When the set was read, and when one was last asked for, on the clock. */
  #readAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #fault: unknown = new Error('not read yet');

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /**
   * The key that a token's header names.
   * @throws {errors.JWKSNoMatchingKey | errors.JWKSMultipleMatchingKeys} if no key, or not one, fits.
   * @throws {KeysUnavailable} if there is no set to look in.
   */
  async find(header: JWSHeaderParameters): Promise<CryptoKey> {
    if (this.#age() > (this.#options.cacheMs ?? CACHE_MS)) await this.#refresh();
    const lookup = this.#usable();
    if (lookup === undefined) throw new KeysUnavailable(this.#fault);
    try {
      return await lookup(header);
    } catch (error) {
      // Perhaps a key that was added since.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#refresh();
      const newer = this.#usable();
      if (newer === undefined || newer === lookup) throw error;
      return newer(header);
    }
  }

  #usable(): Lookup | undefined {
    const { cacheMs = CACHE_MS, staleMs = STALE_MS } = this.#options;
    return this.#age() <= Math.max(cacheMs, staleMs) ? this.#lookup : undefined;
  }

  #age(): number {
    return this.#options.clock.now() - this.#readAt;
  }

  /** Reads the set anew unless that was tried just now. Never rejects. */
  #refresh(): Promise<void> {
    const { clock, cooldownMs = COOLDOWN_MS, onFault } = this.#options;
    if (this.#asking !== undefined) return this.#asking;
    if (clock.now() - this.#askedAt < cooldownMs) return Promise.resolve();
    this.#askedAt = clock.now();
    this.#asking = this.#read()
      .then(
        (lookup) => {
          this.#lookup = lookup;
          this.#readAt = clock.now();
        },
        (error: unknown) => {
          this.#fault = error;
          onFault(explain(error));
        },
      )
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  async #read(): Promise<Lookup> {
    const { url, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = this.#options;
    const response = await this.#options.fetch(url, {
      // Where keys come from is the operator's word, not a redirect's.
      redirect: 'error',
      headers: { Accept: 'application/jwk-set+json, application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    const text = await readText(response, maxBytes);
    return createLocalJWKSet(keySetSchema.parse(JSON.parse(text)));
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    // Leaving the loop cancels the rest.
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Without what the answer held. */
function explain(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError) return 'not a key set';
  const { message, cause } = error as Error;
  const deeper = (cause as Error | undefined)?.message;
  return deeper === undefined ? message : `${message}: ${deeper}`;
}
