import type { PeerRole } from '@peerdeck/protocol';
import type { AuthRefusal } from '../auth/authenticator.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import type { Span } from '../tracing/span.ts';
import { roomTag } from '../base/log.ts';
import type { Version } from './entry.ts';
import { notWatched, type SessionContext } from './session.ts';

export interface EntranceOptions {
  readonly context: SessionContext;
  readonly trace: ConnectionTrace;
  readonly version: Version;
  readonly limitKey: string;
}

/** What stands between a connection and a room, whatever the protocol: guesses, token, and the account of it. */
export class Entrance {
  readonly #options: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  /** Milliseconds until this address may try the room; 0: now. */
  wait(room: string): number {
    const { context, limitKey } = this.#options;
    const wait = context.guesses.wait(limitKey, room, context.clock.now());
    if (wait > 0) context.metrics.limited('guesses');
    return Math.max(0, wait);
  }

  /** Whether the join led to somebody. */
  guessed(room: string, found: boolean): void {
    const { context, limitKey } = this.#options;
    if (found) context.guesses.found(limitKey, room);
    else context.guesses.missed(limitKey, room, context.clock.now());
  }

  /**
   * Answers with what starts the watch over the token's end, or with why there is no entry. A token
   * that does not allow the room is a guess.
   */
  async authenticate(
    token: string | undefined,
    wanted: { readonly room: string; readonly role: PeerRole | undefined },
    span: Span,
  ): Promise<{ code: AuthRefusal; message: string } | ((onEnd: () => void) => () => void)> {
    const { auth } = this.#options.context;
    const { version, trace } = this.#options;
    if (auth === undefined) return notWatched;
    const checked = span.child('authenticate');
    const decision = await auth.decide(token, wanted, { protocol: version, mark: trace.mark });
    checked.end({ result: decision.ok ? 'ok' : decision.code });
    if (decision.ok) return (onEnd) => auth.untilEnd(decision.grant, version, onEnd);
    if (decision.code === 'forbidden') this.guessed(wanted.room, false);
    return { code: decision.code, message: decision.message };
  }

  /** One join, in traces and metrics. `enter` answers with the result; `gone`: nobody waited for it. */
  async account(
    kind: { readonly name: 'join' | 'resume'; readonly role: string; readonly room: string },
    enter: (span: Span) => Promise<string>,
  ): Promise<string> {
    const { context, trace, version } = this.#options;
    const { clock, metrics } = context;
    const started = clock.now();
    const span = trace.span.child(kind.name, { role: kind.role, room: roomTag(kind.room) });
    try {
      const result = await enter(span);
      if (result !== 'gone') metrics.joined(version, result);
      span.end({ result }, result === 'unavailable');
      if (result === 'ok' || result === 'resumed') metrics.joinTook(version, clock.now() - started);
      return result;
    } catch (error) {
      metrics.joined(version, 'error');
      span.end({ result: 'error' }, true);
      throw error;
    }
  }
}
