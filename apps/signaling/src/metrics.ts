import type { ClientMessageType } from '@peerdeck/protocol';
import { Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { AuthResult } from './auth/authenticator.ts';
import { Counts } from './counts.ts';
import type { RegistryCounts } from './room-registry.ts';

/** What is true now. Gauges ask for it when they are scraped, so that none can drift. */
export interface MetricsSources {
  readonly connections: () => { readonly original: number; readonly v2: number };
  readonly pending: () => number;
  readonly rooms: () => RegistryCounts;
  readonly draining: () => boolean;
}

export type LimitScope = 'connection' | 'ip' | 'room' | 'connects';

/** Every metric of the service. All labels come from closed lists. */
export class Metrics {
  readonly registry = new Registry();
  readonly #received: Counts;
  readonly #relayed: Counts;
  readonly #refused: Counts;
  readonly #joins: Counts;
  readonly #closes: Counts;
  readonly #limited: Counts;
  readonly #rejected: Counts;
  readonly #auth: Counts;
  readonly #relaySeconds: Histogram;

  /** `processMetrics` adds those of the process (CPU, memory, event loop, garbage collection). */
  constructor(sources: MetricsSources, processMetrics: boolean) {
    const registers = [this.registry];
    const counter = (name: string, help: string, labels: string[]) =>
      new Counts({ name: `signaling_${name}_total`, help, labels, registry: this.registry });
    const gauge = (name: string, help: string, labelNames: string[], read: (to: Gauge) => void) =>
      new Gauge({
        name: `signaling_${name}`,
        help,
        labelNames,
        registers,
        collect() {
          read(this);
        },
      });
    this.#received = counter('messages_received', 'Valid messages, by type.', ['type']);
    this.#relayed = counter('messages_relayed', 'Messages handed to a member, by type and path.', [
      'type',
      'path',
    ]);
    this.#refused = counter('messages_refused', 'Messages not handled, by error code.', ['code']);
    this.#joins = counter('joins', 'Joins, by protocol and result.', ['protocol', 'result']);
    this.#closes = counter('closes', 'Ended connections, by close code and side.', ['code', 'by']);
    this.#limited = counter('rate_limited', 'Refusals by a rate limit, by what it counts.', [
      'scope',
    ]);
    this.#rejected = counter('connections_rejected', 'Connections refused at the door.', [
      'reason',
    ]);
    this.#auth = counter('auth', 'Tokens checked, and ended while connected, by result.', [
      'protocol',
      'result',
    ]);
    this.#relaySeconds = new Histogram({
      name: 'signaling_relay_seconds',
      help: 'From a message being read to its being written to every receiver.',
      buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
      registers,
    });
    gauge('connections', 'Open WebSockets, by protocol.', ['protocol'], (to) => {
      const { original, v2 } = sources.connections();
      to.set({ protocol: 'original' }, original);
      to.set({ protocol: 'v2' }, v2);
    });
    gauge('connections_pending', 'Open WebSockets without a room.', [], (to) => {
      to.set(sources.pending());
    });
    gauge('rooms', 'Rooms with members, by kind.', ['kind'], (to) => {
      const { original, v2 } = sources.rooms().rooms;
      to.set({ kind: 'original' }, original);
      to.set({ kind: 'v2' }, v2);
    });
    gauge('members', 'Members of rooms, by state.', ['state'], (to) => {
      const { connected, detached } = sources.rooms().members;
      to.set({ state: 'connected' }, connected);
      to.set({ state: 'detached' }, detached);
    });
    gauge('draining', '1 while the node goes away.', [], (to) => {
      to.set(sources.draining() ? 1 : 0);
    });
    if (processMetrics) collectDefaultMetrics({ register: this.registry });
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

  joined(protocol: 'original' | 'v2', result: string): void {
    this.#joins.inc(protocol, result);
  }

  /** Codes that a peer may choose freely are counted together. */
  closed(code: number, by: 'peer' | 'server'): void {
    const known = by === 'server' || (code >= 1000 && code <= 1015);
    this.#closes.inc(known ? String(code) : 'other', by);
  }

  limited(scope: LimitScope): void {
    this.#limited.inc(scope);
  }

  authenticated(protocol: 'original' | 'v2', result: AuthResult): void {
    this.#auth.inc(protocol, result);
  }

  rejected(reason: string): void {
    this.#rejected.inc(reason);
  }
}
