import type { Clock } from '../base/clock.ts';
import { NO_SPAN, type Attributes, type Span } from './span.ts';
import type { TraceParent } from './trace-parent.ts';
import type { Tracing } from './tracing.ts';

export interface ConnectionTraceOptions {
  readonly connection: string;
  /** 32 hex digits: the trace of a client that brings none. */
  readonly traceId: string;
  /** What the client's handshake hangs from. */
  readonly parent: TraceParent | undefined;
  readonly protocol: string;
  readonly tracing: Tracing;
  readonly clock: Clock;
}

/**
 * What a connection is called in logs and traces. Its span begins with the handshake and is
 * made when it is first needed, since a join may still say which trace it belongs to.
 */
export class ConnectionTrace {
  readonly connection: string;
  readonly #options: ConnectionTraceOptions;
  readonly #startedAt: number;
  #traceId: string;
  #parent: TraceParent | undefined;
  #span: Span | undefined;

  constructor(options: ConnectionTraceOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.#startedAt = options.clock.epoch();
    this.#parent = options.parent;
    this.#traceId = options.parent?.traceId ?? options.traceId;
  }

  get trace(): string {
    return this.#traceId;
  }

  /** For every line of the log that is about this connection. */
  get mark(): { readonly connection: string; readonly trace: string } {
    return { connection: this.connection, trace: this.#traceId };
  }

  /** Belongs to the client's own trace from now on; too late once something is recorded. */
  adopt(traceId: string): void {
    if (traceId === this.#traceId || this.#span !== undefined) return;
    this.#traceId = traceId;
    this.#parent = undefined;
  }

  get span(): Span {
    return (this.#span ??= this.#start());
  }

  /** A message that was handed on just now; few of them get a span. */
  relayed(type: string, tookMs: number): void {
    const { tracing, clock } = this.#options;
    if (tracing.wantsRelay()) this.span.child('relay', { type }, clock.epoch() - tookMs).end();
  }

  end(attributes: Attributes): void {
    this.span.end(attributes);
  }

  #start(): Span {
    const { tracing, protocol } = this.#options;
    if (!tracing.on) return NO_SPAN;
    return tracing.start('connection', {
      startedAt: this.#startedAt,
      traceId: this.#traceId,
      attributes: { protocol, connection: this.connection },
      ...(this.#parent === undefined ? {} : { parent: this.#parent }),
    });
  }
}
