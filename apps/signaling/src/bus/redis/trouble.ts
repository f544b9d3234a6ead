import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

/** The same reason is not written again for so long; Redis is tried several times a second. */
const QUIET_MS = 60_000;
/** Reasons that are remembered. */
const MAX_REASONS = 32;

/** What follows from a cause that was told already. */
const CONSEQUENCES = /^(the breaker is open|Reached the max retries|Stream isn't writeable)/;

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^(WRONGPASS|ERR invalid password)/, 'Redis refuses the user or password of REDIS_URL'],
  [/^NOAUTH/, 'Redis wants a password: put it into REDIS_URL'],
  [/^NOPERM/, 'the Redis user of REDIS_URL lacks a permission'],
  [
    /certificate|altnames/i,
    "the certificate of Redis is not accepted: REDIS_URL needs a name that is in it, and its CA's " +
      'PEM file is named by NODE_EXTRA_CA_CERTS',
  ],
  [
    /packet length too long|wrong version number|SSL routines/i,
    'no TLS is spoken there: redis:// instead of rediss:// in REDIS_URL',
  ],
];

/** Why Redis cannot be used, for the log and /readyz. What Redis and Node say has no secrets. */
export class Trouble {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #written = new Map<string, number>();
  #last = 'not connected yet';

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The last cause. */
  get last(): string {
    return this.#last;
  }

  note(error: unknown): void {
    const reason = explain(error instanceof Error ? error.message : String(error));
    if (reason === undefined) return;
    this.#last = reason;
    const now = this.#clock.now();
    const before = this.#written.get(reason);
    if (before !== undefined && now - before < QUIET_MS) return;
    if (this.#written.size >= MAX_REASONS) this.#written.clear();
    this.#written.set(reason, now);
    this.#log.warn({ reason }, 'redis');
  }
}

function explain(text: string): string | undefined {
  if (CONSEQUENCES.test(text)) return undefined;
  const remedy = REMEDIES.find(([pattern]) => pattern.test(text))?.[1];
  return remedy === undefined ? text : `${remedy} (${text})`;
}
