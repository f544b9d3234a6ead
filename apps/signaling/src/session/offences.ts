import type { SignalingErrorCode } from '@peerdeck/protocol';
import { Gcra, type Rate } from '../limits/limiter.ts';

/** Messages that break a rule, which a connection may send before it is closed. */
export const OFFENCES: Rate = { limit: 50, periodMs: 10_000 };

/** Answers to what is nobody's offence; beyond these it is dropped without a word. */
const ANSWERS: Rate = { limit: 50, periodMs: 10_000 };

/**
 * What nobody can know before it asks: whether another member is still there, and has time. It
 * never counts against a sender, whatever its role, or those who come and go could have it closed.
 */
const OF_OTHERS: ReadonlySet<SignalingErrorCode> = new Set<SignalingErrorCode>([
  'no-host',
  'unknown-peer',
  'to-required',
  'unavailable',
]);

/** Whose messages a limit counts. */
export type LimitScope = 'ip' | 'room' | 'receiver';

/** What becomes of a message that is not handled: its sender is told, or not even that, or is closed. */
export type Verdict = 'answer' | 'silence' | 'close';

interface Circumstances {
  /** ms of the service's clock */
  readonly now: number;
  readonly isHost?: boolean;
  /** Of the limit, where one was reached. */
  readonly scope?: LimitScope | undefined;
}

/** Counts what a connection could have done otherwise, and nothing else. */
export class Offences {
  #own: Gcra | undefined;
  #answers: Gcra | undefined;

  refused(code: SignalingErrorCode, { now, isHost = false, scope }: Circumstances): Verdict {
    if (isOfOthers(code, isHost, scope)) {
      this.#answers ??= new Gcra(ANSWERS);
      return this.#answers.take(now) > 0 ? 'silence' : 'answer';
    }
    this.#own ??= new Gcra(OFFENCES);
    return this.#own.take(now) > 0 ? 'close' : 'answer';
  }
}

/**
 * Whether the receiver lags is never its sender's doing. A host answers whoever comes, from an address
 * and in a room that it shares with others; a viewer chooses what it sends.
 */
function isOfOthers(
  code: SignalingErrorCode,
  isHost: boolean,
  scope: LimitScope | undefined,
): boolean {
  if (OF_OTHERS.has(code) || scope === 'receiver') return true;
  return isHost && scope !== undefined;
}
