import type { Config } from '../config/config.ts';
import type { Clock } from '../base/clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Random } from '../base/random.ts';
import { NO_SPAN, type Attributes, type Span } from './span.ts';
import type { TraceParent } from './trace-parent.ts';

export interface TracingOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodeId: string;
  readonly version: string;
  readonly metrics: Pick<Metrics, 'spans'>;
}

export interface SpanStart {
  readonly attributes?: Attributes;
  /** Milliseconds since 1970; by default now. */
  readonly startedAt?: number;
  /** What it hangs from; else it is the first of its trace. */
  readonly parent?: TraceParent;
  /** The trace that it is the first of; by default a new one. */
  readonly traceId?: string;
}

/** Records and exports; otlp.ts is one. */
export interface SpanRecorder {
  start(name: string, start: SpanStart): Span;
  /** Sends what waits. May take as long as the collector likes. */
  close(): Promise<void>;
}

/**
 * Traces, where an endpoint for them is set. OpenTelemetry is imported only then: a service
 * without it pays nothing.
 */
export class Tracing {
  readonly #options: TracingOptions;
  #recorder: SpanRecorder | undefined;

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  /** Whether anything is recorded. */
  get on(): boolean {
    return this.#recorder !== undefined;
  }

  async open(): Promise<void> {
    const { config, nodeId, version, metrics } = this.#options;
    const url = tracesUrl(config);
    if (url === undefined) return;
    const { OtlpRecorder } = await import('./otlp.ts');
    this.#recorder = new OtlpRecorder({ config, url, nodeId, version, metrics });
  }

  /** Whether this relayed message is one of the few that get a span. */
  wantsRelay(): boolean {
    const { config, random } = this.#options;
    return this.on && random.fraction() < config.TRACE_RELAY_RATIO;
  }

  start(name: string, start: SpanStart = {}): Span {
    return this.#recorder?.start(name, start) ?? NO_SPAN;
  }

  /** Waits no longer than `ms` for the collector. Idempotent. */
  async close(ms: number): Promise<void> {
    const recorder = this.#recorder;
    this.#recorder = undefined;
    if (recorder === undefined) return;
    let cancel = () => {};
    const enough = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(ms, resolve);
    });
    await Promise.race([recorder.close().catch(() => {}), enough]);
    cancel();
  }
}

/** undefined: no traces are wanted. */
export function tracesUrl(
  config: Pick<
    Config,
    'OTEL_SDK_DISABLED' | 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  >,
): string | undefined {
  if (config.OTEL_SDK_DISABLED) return undefined;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole } = config;
  if (whole !== '') return whole;
  return base === '' ? undefined : `${base.replace(/\/$/, '')}/v1/traces`;
}
