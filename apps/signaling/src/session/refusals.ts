import {
  CLOSE,
  ERROR_CODES,
  type ErrorCodeInfo,
  type ServerMessage,
  type SignalingErrorCode,
} from '@peerdeck/protocol';
import type { Connection } from '../socket/connection.ts';
import { Offences, type LimitScope } from './offences.ts';
import type { SessionContext } from './session.ts';

/** When a sender may try again whose receiver lags. */
const LAG_RETRY_MS = 1000;
const RECEIVER_LAGS = 'its receiver does not take messages as fast as they come: try again later';

export interface RefusalsOptions {
  readonly context: Pick<SessionContext, 'clock' | 'metrics'>;
  readonly connection: Connection;
  /** Others have a part in what a host says. */
  readonly isHost: () => boolean;
}

/** What a client of `peerdeck.v2` is told of what it may not do; and the end, where it goes on. */
export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #offences = new Offences();

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** The message is not handled, and its sender learns why; who breaks rules like that is closed. */
  refuse(
    code: SignalingErrorCode,
    message: string,
    { scope, ...extra }: { field?: string; retryAfterMs?: number; scope?: LimitScope } = {},
  ): void {
    const { context, isHost } = this.#options;
    const { metrics, clock } = context;
    metrics.refused(code);
    const verdict = this.#offences.refused(code, { now: clock.now(), isHost: isHost(), scope });
    if (verdict === 'answer') this.#send({ type: 'error', code, message, fatal: false, ...extra });
    if (verdict !== 'close') return;
    if (code === 'rate-limited') this.fail(code, message, extra.retryAfterMs);
    else this.fail('protocol-error', 'too many messages that break the rules');
  }

  limited(scope: 'ip' | 'room', wait: number): void {
    this.#options.context.metrics.limited(scope);
    const hint = { retryAfterMs: Math.ceil(wait), scope };
    this.refuse('rate-limited', `too many messages of this ${scope}`, hint);
  }

  receiverLags(): void {
    const hint = { retryAfterMs: LAG_RETRY_MS, scope: 'receiver' } as const;
    this.refuse('rate-limited', RECEIVER_LAGS, hint);
  }

  /** Says why, and closes with the code that belongs to it. */
  fail(code: SignalingErrorCode, message: string, retryAfterMs?: number): void {
    const { closeCode }: ErrorCodeInfo = ERROR_CODES[code];
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) };
    this.#send({ type: 'error', code, message, fatal: true, ...hint });
    this.#options.connection.close(closeCode ?? CLOSE.internal, code);
  }

  #send(message: ServerMessage): void {
    this.#options.connection.send(JSON.stringify(message));
  }
}
