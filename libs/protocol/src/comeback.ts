import { CLOSE, mayRetryAfterClose } from './close-codes.ts';
import { errorCodeInfo } from './error-codes.ts';
import type { ReconnectPolicy } from './reconnect-policy.ts';
import type { PeerRole } from './signaling-messages.ts';

/**
 * Why a member is out.
 * - `lost`: the connection or the server failed, as happens.
 * - `refused`: the address, the token or the room of the configuration is not accepted.
 * - `taken`: the room would not have this member now, e.g. another host is in it.
 * - `displaced`: another program showed the same key and took the place.
 */
export type LossCause = 'lost' | 'refused' | 'taken' | 'displaced';

export interface Loss {
  readonly code: number;
  /** The `error` that came before the close. */
  readonly fatal?: { readonly code: string; readonly retryAfterMs?: number | undefined };
  /** What a draining server asked for, less what has passed. */
  readonly drainMs?: number | undefined;
  /** A new token may be had by the next try. */
  readonly renewable: boolean;
}

export type Return =
  | { readonly inMs: number; readonly cause: LossCause }
  /** `final`: coming back would end the same way. */
  | { readonly stop: true; readonly final: boolean };

/** The first wait of a host and the longest; each wait is twice the one before. */
const HOST_WAITS_MS: Readonly<Record<Exclude<LossCause, 'lost'>, readonly [number, number]>> = {
  refused: [5000, 5 * 60_000],
  taken: [1000, 60_000],
  displaced: [5000, 10 * 60_000],
};
/**
 * A host that was in for so long and then is out again begins with short waits. It is longer than
 * the longest wait, so that two hosts with one key, each of which is in until the other returns,
 * wait longer and longer.
 */
export const CALM_MS = 15 * 60_000;

/**
 * Whether and when a member returns after it lost its connection. What it may not do depends on
 * its role: a viewer gives up where the table of close codes says so, for a person is there to try
 * again. A host never gives up, for nobody may be there: what the table calls final only makes it
 * wait longer each time, and joining does not make it forget that at once. Pure.
 */
export class Comeback {
  readonly #role: PeerRole;
  readonly #policy: ReconnectPolicy;
  readonly #random: () => number;
  #attempt = 0;
  /** How often in a row a host was sent away for good. */
  #strikes = 0;
  #joinedAt: number | undefined;

  constructor(options: {
    readonly role: PeerRole;
    readonly policy: ReconnectPolicy;
    readonly random: () => number;
  }) {
    this.#role = options.role;
    this.#policy = options.policy;
    this.#random = options.random;
  }

  /** Losses since the last join. */
  get attempt(): number {
    return this.#attempt;
  }

  /** A person asked for it: as if nothing had happened before. */
  reset(): void {
    this.#attempt = 0;
    this.#strikes = 0;
    this.#joinedAt = undefined;
  }

  /** `now`: monotonic milliseconds. */
  joined(now: number): void {
    this.#attempt = 0;
    this.#joinedAt = now;
  }

  lost(loss: Loss, now: number): Return {
    if (this.#joinedAt !== undefined && now - this.#joinedAt >= CALM_MS) this.#strikes = 0;
    this.#joinedAt = undefined;
    const cause = causeOf(loss);
    if (cause !== 'lost') {
      if (this.#role !== 'host') return { stop: true, final: true };
      return { inMs: this.#hostWait(cause, loss), cause };
    }
    const next = this.#policy.next(this.#attempt, {
      random: this.#random,
      retryAfterMs: loss.fatal?.retryAfterMs ?? (loss.drainMs && Math.max(loss.drainMs, 0)),
    });
    if (next === 'stop') return { stop: true, final: false };
    this.#attempt += 1;
    return { inMs: next, cause };
  }

  /** Between half of the wait and all of it, at random, so that two do not return in step. */
  #hostWait(cause: Exclude<LossCause, 'lost'>, loss: Loss): number {
    const [first, longest] = HOST_WAITS_MS[cause];
    const wait = Math.min(first * 2 ** this.#strikes, longest);
    if (wait < longest) this.#strikes += 1;
    this.#attempt += 1;
    const spread = Math.round(wait / 2 + (this.#random() * wait) / 2);
    return Math.max(spread, Math.min(loss.fatal?.retryAfterMs ?? 0, longest));
  }
}

function causeOf({ code, fatal, renewable }: Loss): LossCause {
  if (code === CLOSE.unauthorized && renewable) return 'lost';
  const final =
    !mayRetryAfterClose(code) || (fatal && errorCodeInfo(fatal.code)?.retryable === false);
  if (final !== true) return 'lost';
  const named = fatal === undefined ? undefined : errorCodeInfo(fatal.code)?.closeCode;
  switch (named ?? code) {
    case CLOSE.policy:
    case CLOSE.unauthorized:
    case CLOSE.forbidden:
      return 'refused';
    case CLOSE.replaced:
      return 'displaced';
    default:
      return 'taken';
  }
}
