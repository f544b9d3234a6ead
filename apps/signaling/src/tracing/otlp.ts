import {
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Span as RecordedSpan,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type IdGenerator,
  type Sampler,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import type { Config } from '../config/config.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { NO_SPAN, type Attributes, type Span } from './span.ts';
import { formatTraceParent } from './trace-parent.ts';
import type { SpanRecorder, SpanStart } from './tracing.ts';

/* The only importer of OpenTelemetry, and imported only where traces have somewhere to go. */

export interface OtlpRecorderOptions {
  readonly config: Config;
  readonly url: string;
  readonly nodeId: string;
  readonly version: string;
  readonly metrics: Pick<Metrics, 'spans'>;
}

const BATCH = 512;
/** Requests under way; a collector that does not answer holds no more. */
const REQUESTS = 4;

/** Spans to a collector, by OTLP over HTTP. */
export class OtlpRecorder implements SpanRecorder {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #ids = new Ids();

  constructor({ config, url, nodeId, version, metrics }: OtlpRecorderOptions) {
    const exporter = new OTLPTraceExporter({
      url,
      headers: { ...config.OTEL_EXPORTER_OTLP_HEADERS },
      timeoutMillis: config.OTEL_EXPORTER_OTLP_TIMEOUT,
      concurrencyLimit: REQUESTS,
    });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': config.OTEL_SERVICE_NAME,
        'service.version': version,
        'service.instance.id': nodeId,
        ...config.OTEL_RESOURCE_ATTRIBUTES,
      }),
      sampler: sampler(config),
      idGenerator: this.#ids,
      spanLimits: { attributeCountLimit: 16, attributeValueLengthLimit: 128 },
      spanProcessors: [
        boundedQueue({
          exporter,
          limit: config.OTEL_BSP_MAX_QUEUE_SIZE,
          delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
          timeoutMs: config.OTEL_EXPORTER_OTLP_TIMEOUT,
          metrics,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('peerdeck-signaling', version);
  }

  start(name: string, { attributes = {}, startedAt, parent, traceId }: SpanStart): Span {
    const options = { attributes, ...(startedAt === undefined ? {} : { startTime: startedAt }) };
    if (parent === undefined) {
      this.#ids.next = traceId;
      return recorded(this.#tracer, this.#tracer.startSpan(name, options, ROOT_CONTEXT));
    }
    const context = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: parent.traceId,
      spanId: parent.spanId,
      traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
    });
    return recorded(this.#tracer, this.#tracer.startSpan(name, options, context));
  }

  close(): Promise<void> {
    return this.#provider.shutdown();
  }
}

/** Random ids, but for the first span of a trace that has its id already. */
class Ids implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  next: string | undefined;

  generateTraceId(): string {
    const id = this.next ?? this.#random.generateTraceId();
    this.next = undefined;
    return id;
  }

  generateSpanId(): string {
    return this.#random.generateSpanId();
  }
}

function recorded(tracer: Tracer, span: RecordedSpan): Span {
  if (!span.isRecording()) return NO_SPAN;
  const { traceId, spanId } = span.spanContext();
  return {
    traceParent: formatTraceParent({ traceId, spanId, sampled: true }),
    child(name: string, attributes: Attributes = {}, startedAt?: number): Span {
      const options = { attributes, ...(startedAt === undefined ? {} : { startTime: startedAt }) };
      const context = trace.setSpan(ROOT_CONTEXT, span);
      return recorded(tracer, tracer.startSpan(name, options, context));
    },
    end(attributes: Attributes = {}, failed = false): void {
      span.setAttributes(attributes);
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

function sampler({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: share }: Config): Sampler {
  const roots = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(share),
  };
  const { root, parentBased } = (
    {
      always_on: { root: roots.always_on, parentBased: false },
      always_off: { root: roots.always_off, parentBased: false },
      traceidratio: { root: roots.traceidratio, parentBased: false },
      parentbased_always_on: { root: roots.always_on, parentBased: true },
      parentbased_always_off: { root: roots.always_off, parentBased: true },
      parentbased_traceidratio: { root: roots.traceidratio, parentBased: true },
    } as const
  )[name];
  return parentBased ? new ParentBasedSampler({ root: root() }) : root();
}

interface QueueOptions {
  readonly exporter: SpanExporter;
  /** Spans that wait or are under way; what comes then is dropped. */
  readonly limit: number;
  readonly delayMs: number;
  readonly timeoutMs: number;
  readonly metrics: Pick<Metrics, 'spans'>;
}

/** Batches spans for the exporter. When it is full, the newest are dropped, and all are counted. */
function boundedQueue({ exporter, limit, delayMs, timeoutMs, metrics }: QueueOptions) {
  let waiting = 0;
  const counted: SpanExporter = {
    export(spans, done) {
      exporter.export(spans, (result) => {
        waiting -= spans.length;
        // 0: ExportResultCode.SUCCESS
        metrics.spans(result.code === 0 ? 'exported' : 'failed', spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
  const batches = new BatchSpanProcessor({
    exporter: counted,
    maxQueueSize: limit,
    maxExportBatchSize: Math.min(BATCH, limit),
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: timeoutMs * 2,
  });
  const queue: SpanProcessor = {
    onStart: (span, context) => {
      batches.onStart(span, context);
    },
    onEnd(span) {
      if (waiting >= limit) {
        metrics.spans('dropped', 1);
        return;
      }
      waiting += 1;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
  return queue;
}
