import { choice, flag, httpUrl, integer, pairs, ratio, text } from '../config/config-fields.ts';

/** The variables of tracing, as OpenTelemetry names them. */
export const tracingFields = {
  OTEL_SDK_DISABLED: flag(false, 'No traces, wherever they were to go.'),
  OTEL_SERVICE_NAME: text('peerdeck-signaling', 'a name', 'Name of the service in traces.'),
  OTEL_RESOURCE_ATTRIBUTES: pairs(
    'More that traces say of the service, such as deployment.environment.name=production.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl(
    'Collector that takes traces at /v1/traces below this address. Unset, with the next too: ' +
      'no traces.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl(
    'Where traces go, to the letter; comes before OTEL_EXPORTER_OTLP_ENDPOINT.',
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: choice(
    ['http/json'],
    'http/json',
    'What is spoken with the collector. Collectors take it on the port of http/protobuf, 4318.',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: pairs('Headers for the collector, such as its token.', {
    secret: true,
  }),
  OTEL_EXPORTER_OTLP_TIMEOUT: integer(
    100,
    60_000,
    10_000,
    'Milliseconds that the collector has for one batch, further tries included.',
  ),
  OTEL_BSP_MAX_QUEUE_SIZE: integer(
    1,
    100_000,
    2048,
    'Spans that may wait for the collector; more are dropped and counted.',
  ),
  OTEL_BSP_SCHEDULE_DELAY: integer(1, 60_000, 5000, 'Milliseconds that a span waits for others.'),
  OTEL_TRACES_SAMPLER: choice(
    [
      ...['always_on', 'always_off', 'traceidratio'],
      ...['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'],
    ] as const,
    'traceidratio',
    'Which traces are recorded. With parentbased_… whoever sends a traceparent decides for it.',
  ),
  OTEL_TRACES_SAMPLER_ARG: ratio(1, 'Share of traces that are recorded, for …traceidratio.'),
  TRACE_RELAY_RATIO: ratio(
    0,
    'Share of relayed messages that get a span in the traces that are recorded.',
  ),
};
