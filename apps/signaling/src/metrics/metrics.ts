import { relayTypes, type ClientMessageType } from '@peerdeck/protocol';
import { Histogram, Registry } from 'prom-client';
import { AUTH_RESULTS, type AuthResult } from '../auth/authenticator.ts';
import { Counts, type CountsOptions } from './counts.ts';
import { addGauges, addProcessMetrics, type MetricsSources } from './gauges.ts';

type Protocol = 'original' | 'v2';

/**
 * What a rate limit counts; `connection`: messages that wait for their time; `unfinished`: messages that are not ended, or of too many parts;
 * `pending`: places before the join; `receiver`: what a host that lags is spared.
 */
const LIMIT_SCOPES = [
  ...(['connection', 'ip', 'room', 'connects', 'guesses'] as const),
  ...(['control-frames', 'unfinished', 'pending', 'receiver'] as const),
];
export type LimitScope = (typeof LIMIT_SCOPES)[number];

/** Where it showed that a receiver does not keep up. */
export type SlowAt = 'buffer' | 'join' | 'node';

const SLOW_AT: readonly SlowAt[] = ['buffer', 'node'];

const PROTOCOLS: readonly Protocol[] = ['original', 'v2'];

/** Values of `result` of signaling_joins_total. `error`: a fault of the service itself. */
const JOIN_RESULTS = [
  ...['ok', 'resumed', 'room-full', 'host-slot-taken', 'wrong-room-kind', 'kicked'],
  ...['rate-limited', 'unauthorized', 'forbidden', 'unavailable', 'error'],
];

/** Values of `reason` of signaling_connections_rejected_total. */
const REJECTIONS = [
  ...['insecure', 'origin', 'subprotocol', 'room-id', 'rate-limited', 'per-address', 'overloaded'],
  ...['handshake', 'tls', 'tcp', 'draining'],
];

/** Every metric of the service. All labels come from closed lists. */
export class Metrics {
  readonly registry = new Registry();
  readonly #received: Counts;
  readonly #relayed: Counts;
  readonly #refused: Counts;
  readonly #joins: Counts;
  readonly #resumes: Counts;
  readonly #closes: Counts;
  readonly #limited: Counts;
  readonly #accepted: Counts;
  readonly #rejected: Counts;
  readonly #auth: Counts;
  readonly #slow: Counts;
  readonly #silent: Counts;
  readonly #spans: Counts;
  readonly #relaySeconds: Histogram;
  readonly #joinSeconds: Histogram;

  /** `processMetrics` adds those of the process (CPU, memory, event loop, garbage collection). */
  constructor(sources: MetricsSources, processMetrics: boolean) {
    const registers = [this.registry];
    const counter = (
      name: string,
      help: string,
      labels: string[],
      known: CountsOptions['known'] = [],
    ) => {
      const { registry } = this;
      return new Counts({ name: `signaling_${name}_total`, help, labels, registry, known });
    };
    const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
      new Histogram({ name: `signaling_${name}`, help, labelNames, buckets, registers });
    this.#received = counter(
      'messages_received',
      'Valid messages, by type.',
      ['type'],
      ['join', 'leave', 'ping', 'pong', ...relayTypes].map((type) => [type]),
    );
    this.#relayed = counter(
      'messages_relayed',
      'Messages handed to a member, by type and path: local (this node) or remote.',
      ['type', 'path'],
      relayTypes.flatMap((type) =>
        (['local', 'remote'] as const).map((path) => [type, path] as const),
      ),
    );
    this.#refused = counter('messages_refused', 'Messages not handled, by error code.', ['code']);
    this.#joins = counter(
      'joins',
      'Joins, by protocol and result; unavailable and error are faults of the service.',
      ['protocol', 'result'],
      PROTOCOLS.flatMap((protocol) => JOIN_RESULTS.map((result) => [protocol, result] as const)),
    );
    this.#resumes = counter(
      'resumes',
      'Joins with a resume token: ok, or gone if the place was not there any more.',
      ['result'],
      [['ok'], ['gone']],
    );
    this.#closes = counter('closes', 'Ended connections, by close code and side.', ['code', 'by']);
    this.#limited = counter(
      'rate_limited',
      'Refusals by a rate limit, by what it counts.',
      ['scope'],
      LIMIT_SCOPES.map((scope) => [scope]),
    );
    this.#accepted = counter(
      'connections_accepted',
      'Connections let in at the door, by protocol.',
      ['protocol'],
      PROTOCOLS.map((protocol) => [protocol]),
    );
    this.#rejected = counter(
      'connections_rejected',
      'Connections refused at the door.',
      ['reason'],
      REJECTIONS.map((reason) => [reason]),
    );
    this.#auth = counter(
      'auth',
      'Tokens checked, and ended while connected, by result.',
      ['protocol', 'result'],
      PROTOCOLS.flatMap((protocol) => AUTH_RESULTS.map((result) => [protocol, result] as const)),
    );
    this.#slow = counter(
      'slow_consumers',
      'Connections closed since they did not keep up, by protocol and by where that showed: ' +
        'buffer (BACKPRESSURE_CLOSE_THRESHOLD_BYTES), node (BACKPRESSURE_TOTAL_BYTES) or join ' +
        '(what came before the welcome).',
      ['protocol', 'at'],
      [
        ...PROTOCOLS.flatMap((protocol) => SLOW_AT.map((at) => [protocol, at] as const)),
        ['v2', 'join'],
      ],
    );
    this.#silent = counter(
      'heartbeats_lost',
      'Connections cut after HEARTBEAT_TIMEOUT_MS of silence, by protocol.',
      ['protocol'],
      PROTOCOLS.map((protocol) => [protocol]),
    );
    this.#spans = counter(
      'spans',
      'Spans of traces: exported, failed (the collector did not take them), dropped (too many).',
      ['result'],
      [['exported'], ['failed'], ['dropped']],
    );
    this.#relaySeconds = histogram(
      'relay_seconds',
      'From a message being read to its being written to every receiver.',
      [],
      [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
    );
    this.#joinSeconds = histogram(
      'join_seconds',
      'From a join being read to its answer, token and Redis included; of joins that succeed.',
      ['protocol'],
      [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    );
    for (const protocol of PROTOCOLS) this.#joinSeconds.zero({ protocol });
    addGauges(this.registry, sources);
    if (processMetrics) addProcessMetrics(this.registry);
  }

  received(type: ClientMessageType): void {
    this.#received.inc(type);
  }

  relayed(type: ClientMessageType, local: boolean): void {
    this.#relayed.inc(type, local ? 'local' : 'remote');
  }

  relayTook(ms: number): void {
    this.#relaySeconds.observe(ms / 1000);
  }

  refused(code: string): void {
    this.#refused.inc(code);
  }

  joined(protocol: Protocol, result: string): void {
    this.#joins.inc(protocol, result);
  }

  joinTook(protocol: Protocol, ms: number): void {
    this.#joinSeconds.observe({ protocol }, ms / 1000);
  }

  resumed(ok: boolean): void {
    this.#resumes.inc(ok ? 'ok' : 'gone');
  }

  /** Codes that a peer may choose freely are counted together. */
  closed(code: number, by: 'peer' | 'server'): void {
    const known = by === 'server' || (code >= 1000 && code <= 1015);
    this.#closes.inc(known ? String(code) : 'other', by);
  }

  limited(scope: LimitScope): void {
    this.#limited.inc(scope);
  }

  authenticated(protocol: Protocol, result: AuthResult): void {
    this.#auth.inc(protocol, result);
  }

  accepted(protocol: Protocol): void {
    this.#accepted.inc(protocol);
  }

  rejected(reason: string): void {
    this.#rejected.inc(reason);
  }

  slow(protocol: Protocol, at: SlowAt): void {
    this.#slow.inc(protocol, at);
  }

  silent(protocol: Protocol): void {
    this.#silent.inc(protocol);
  }

  spans(result: 'exported' | 'failed' | 'dropped', count: number): void {
    this.#spans.inc(result, '', count);
  }
}
