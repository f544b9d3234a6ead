import { Gauge, collectDefaultMetrics, type Registry } from 'prom-client';
import type { RegistryCounts } from '../rooms/room-registry.ts';

/** What is true now. Gauges ask for it when they are scraped, so that none can drift. */
export interface MetricsSources {
  readonly build: { readonly version: string; readonly node: string };
  readonly maximum: { readonly connections: number; readonly pending: number };
  readonly connections: () => { readonly original: number; readonly v2: number };
  readonly pending: () => number;
  readonly tcp: () => number;
  /** Bytes that receivers have not taken yet. */
  readonly unsent: () => { readonly total: number; readonly largest: number };
  /** Bytes of messages that have begun and not ended, or that wait. */
  readonly unfinished: () => number;
  readonly rooms: () => RegistryCounts;
  readonly ready: () => boolean;
  readonly draining: () => boolean;
}

/** Gauges of the service. All labels come from closed lists. */
export function addGauges(registry: Registry, sources: MetricsSources): void {
  const registers = [registry];
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
  const value = (name: string, help: string, read: () => number) =>
    gauge(name, help, [], (to) => {
      to.set(read());
    });
  gauge(
    'build_info',
    'Always 1: version of the service, and its node id, as in logs.',
    ['version', 'node'],
    (to) => {
      to.set({ ...sources.build }, 1);
    },
  );
  gauge('connections', 'Open WebSockets, by protocol.', ['protocol'], (to) => {
    const { original, v2 } = sources.connections();
    to.set({ protocol: 'original' }, original);
    to.set({ protocol: 'v2' }, v2);
  });
  value('tcp_connections', 'Open TCP connections of WS_PORT, handshakes and pages included.', () =>
    sources.tcp(),
  );
  value('connections_max', 'Most open WebSockets: MAX_CONNECTIONS.', () => {
    return sources.maximum.connections;
  });
  value('connections_pending', 'Open WebSockets without a room.', sources.pending);
  value('connections_pending_max', 'Most of these: MAX_PENDING_CONNECTIONS.', () => {
    return sources.maximum.pending;
  });
  gauge(
    'unsent_bytes',
    'Bytes that receivers have not taken yet: all together, and of the slowest.',
    ['of'],
    (to) => {
      const { total, largest } = sources.unsent();
      to.set({ of: 'all' }, total);
      to.set({ of: 'slowest' }, largest);
    },
  );
  value(
    'unfinished_bytes',
    'Memory for messages that clients have begun and not ended, or that wait (UNFINISHED_TOTAL_BYTES).',
    sources.unfinished,
  );
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
  value('ready', '1 while the node takes new clients, as /readyz says.', () =>
    sources.ready() ? 1 : 0,
  );
  value('draining', '1 while the node goes away.', () => (sources.draining() ? 1 : 0));
}

/**
 * Those of the process, but for the lists of everything that is open: these are made anew by each
 * scrape, with an entry for every connection, while no message is read.
 */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${what}`);
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }
}
