import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CLOSE } from '@peerdeck/protocol';
import type { WebSocket } from 'ws';
import { admit, type AdmissionRules } from './admission.ts';
import { originalToken, subprotocolToken } from '../auth/handshake-token.ts';
import type { BusListener, RoomEvent } from '../bus/bus.ts';
import { AddressCounts } from './address-counts.ts';
import { Backlog } from '../socket/backlog.ts';
import type { ClientAddress } from './client-address.ts';
import { budgetKey } from './client-address.ts';
import { Connection, type ConnectionEnd, type ConnectionRules } from '../socket/connection.ts';
import { Entry, type EntryOwner, type Version } from '../session/entry.ts';
import { FrameWriter } from '../socket/frame-writer.ts';
import type { Heartbeat } from '../socket/heartbeat.ts';
import { Intake } from '../socket/intake.ts';
import { Gcra, type Limiter, type Rate } from '../limits/limiter.ts';
import { OriginalSession } from '../session/original-session.ts';
import type { Removal } from '../rooms/room.ts';
import { PendingPlaces } from './pending-places.ts';
import { nothing, type SessionContext } from '../session/session.ts';
import { ConnectionTrace } from '../tracing/connection-trace.ts';
import { parseTraceParent } from '../tracing/trace-parent.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { V2Session } from '../session/v2-session.ts';

export interface GatewayOptions {
  readonly context: SessionContext;
  readonly tracing: Tracing;
  readonly rules: AdmissionRules;
  readonly heartbeat: Heartbeat;
  readonly connectLimiter: Limiter;
  readonly maxConnections: number;
  /** 0: no bound. */
  readonly maxPerAddress: number;
  readonly maxPending: number;
  readonly maxBufferedBytes: number;
  /** Of all connections together. */
  readonly maxUnsentBytes: number;
  readonly maxUnfinishedBytes: number;
  readonly maxMessageBytes: number;
}

/** How long a client waits before it comes back to a node that is full. */
const FULL_RETRY_MS = 5000;

/** Refused sockets that are waited for to read why; more, and they are cut off at once. */
const MAX_LINGERING = 256;

/** What a refused client may go on sending until it has read why. */
const MAX_AFTER_REFUSAL = 16_384;

/** More parts than any client or proxy makes of a message: each costs memory, however small it is. */
export const MAX_FRAGMENTS = 128;
export const MAX_READS = 1024;

/** Lines about refused sockets: who refuses a flood must not write one. */
const REJECTION_LINES: Rate = { limit: 100, periodMs: 10_000 };

/** A WebSocket and what it reads from and writes to. */
interface Client {
  readonly socket: WebSocket;
  readonly transport: Duplex;
}

/** All WebSockets of the node: lets them in, and brings them what the bus has for them. */
export class Gateway implements BusListener, EntryOwner {
  readonly #options: GatewayOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #sockets = new Set<WebSocket>();
  readonly #pending: PendingPlaces;
  readonly #intake: Intake;
  /** Those of `#sockets` that were refused: they take no place of others. */
  readonly #refused = new Set<WebSocket>();
  readonly #perAddress: AddressCounts;
  readonly #rejectionLines = new Gcra(REJECTION_LINES);
  #unlogged = 0;
  readonly #connectionRules: Readonly<Record<Version, ConnectionRules>>;
  readonly #open = { original: 0, v2: 0 };
  #whenEmpty: (() => void) | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#perAddress = new AddressCounts(options.maxPerAddress);
    this.#pending = new PendingPlaces(options.maxPending);
    this.#intake = new Intake(options.maxUnfinishedBytes);
    this.#connectionRules = connectionRules(options, this.#intake);
  }

  /** Connections that have not ended, by protocol. */
  get open(): { readonly original: number; readonly v2: number } {
    return this.#open;
  }

  /** Of these, how many hold no place in a room yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Bytes that receivers have not taken yet. One look at every connection: for a scrape. */
  get unsent(): { readonly total: number; readonly largest: number } {
    let total = 0;
    let largest = 0;
    for (const { connection } of this.#entries.values()) {
      const { unsent } = connection;
      total += unsent;
      if (unsent > largest) largest = unsent;
    }
    return { total, largest };
  }

  /** Bytes of messages that clients have begun and not ended, or that wait. */
  get unfinished(): number {
    return this.#intake.total;
  }

  /** Sockets that are still there, those that are closing included. */
  get sockets(): ReadonlySet<WebSocket> {
    return this.#sockets;
  }

  /** Takes over a socket in the tick of its upgrade. It never throws and always attaches. */
  accept(socket: WebSocket, request: IncomingMessage, address: ClientAddress): void {
    this.#sockets.add(socket);
    // First of all: a broken frame on a socket that is refused below must not end the process.
    socket.on('error', nothing);
    const subprotocols = subprotocolsOf(request);
    const admission = admit(
      {
        url: request.url ?? '/',
        origin: request.headers.origin,
        subprotocols,
        secure: address.secure,
      },
      this.#options.rules,
    );
    const { socket: transport } = request;
    const client = { socket, transport };
    if (!admission.ok) {
      this.#reject(client, admission.reason, admission.code, admission.text);
      return;
    }
    const { origin, host } = request.headers;
    const key = budgetKey(address.ip, { origin, host });
    const { version } = admission;
    const { context } = this.#options;
    const id = context.random.token(9);
    if (!this.#hasPlace(client, { version, key, id })) return;
    const connection = new Connection({
      id,
      address: key,
      socket,
      transport,
      rules: this.#connectionRules[version],
    });
    const trace = this.#trace(connection, request, version);
    const token = version === 'v2' ? subprotocolToken(subprotocols) : originalToken(request);
    const shared = { context, connection, trace, limitKey: key, onJoined: this.#onJoined, token };
    const session =
      admission.version === 'v2'
        ? new V2Session(shared)
        : new OriginalSession({ ...shared, room: admission.room });
    this.#add(new Entry({ owner: this, version, limitKey: key, connection, session, trace }));
    // The connection listens itself now.
    socket.off('error', nothing);
    context.metrics.accepted(version);
    context.log.debug({ ...trace.mark, ip: address.ip, protocol: version }, 'open');
  }

  frame(connectionId: string, frame: string): boolean {
    return this.#entries.get(connectionId)?.session.frame(frame) ?? true;
  }

  event(connectionId: string, event: RoomEvent): void {
    this.#entries.get(connectionId)?.session.event(event);
  }

  replaced(connectionId: string): void {
    this.#entries.get(connectionId)?.session.replaced();
  }

  removed(connectionId: string, why: Removal): void {
    this.#entries.get(connectionId)?.session.removed(why);
  }

  lost(connectionId: string): void {
    this.#entries.get(connectionId)?.session.lost();
  }

  /** All connections that have not ended. */
  live(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Resolves once no socket is left. */
  empty(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** For its entries: the connection has ended. */
  ended({ connection, version, trace }: Entry, { code, by }: ConnectionEnd): void {
    const { heartbeat, context } = this.#options;
    this.#entries.delete(connection.id);
    this.#pending.leave(connection.id);
    this.#open[version] -= 1;
    heartbeat.remove(connection);
    context.metrics.closed(code, by);
    if (by === 'server' && code === CLOSE.heartbeatTimeout) context.metrics.silent(version);
    context.log.info({ ...trace.mark, code, by }, 'closed');
  }

  /** For its entries: the socket is gone. */
  closed({ limitKey: key, connection }: Entry): void {
    this.#perAddress.leave(key);
    this.#gone(connection.socket);
  }

  readonly #onJoined = (connection: Connection): void => {
    this.#pending.leave(connection.id);
  };

  #add(entry: Entry): void {
    const { connection, version } = entry;
    this.#entries.set(connection.id, entry);
    this.#open[version] += 1;
    this.#options.heartbeat.add(connection);
    connection.start(entry);
  }

  #gone(socket: WebSocket): void {
    this.#sockets.delete(socket);
    this.#refused.delete(socket);
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  }

  #trace({ id }: Connection, request: IncomingMessage, protocol: Version): ConnectionTrace {
    const { tracing, context } = this.#options;
    const header = request.headers['traceparent'];
    return new ConnectionTrace({
      connection: id,
      protocol,
      tracing,
      traceId: context.random.hex(16),
      parent: parseTraceParent(typeof header === 'string' ? header : undefined),
      clock: context.clock,
    });
  }

  #hasPlace(
    client: Client,
    { version, key, id }: { readonly version: Version; readonly key: string; readonly id: string },
  ): boolean {
    const { connectLimiter, context, maxConnections } = this.#options;
    const { socket } = client;
    const wait = connectLimiter.take(key, context.clock.now());
    if (wait > 0) {
      context.metrics.limited('connects');
      const code = version === 'v2' ? CLOSE.rateLimited : CLOSE.unavailable;
      this.#sayWhy(socket, version, 'rate-limited', wait);
      this.#reject(client, 'rate-limited', code, 'Rate limited');
      return false;
    }
    const full = this.#sockets.size - this.#refused.size > maxConnections;
    if (!full && !this.#perAddress.enter(key)) {
      const code = version === 'v2' ? CLOSE.rateLimited : CLOSE.unavailable;
      this.#sayWhy(socket, version, 'rate-limited', FULL_RETRY_MS);
      this.#reject(client, 'per-address', code, 'Too many connections');
      return false;
    }
    const place = full ? undefined : this.#pending.enter(id, key);
    if (place?.ok === true) {
      if (place.givesWay !== undefined) this.#pushOut(place.givesWay);
      return true;
    }
    if (!full) this.#perAddress.leave(key);
    this.#sayWhy(socket, version, 'unavailable', FULL_RETRY_MS);
    this.#reject(client, 'overloaded', CLOSE.unavailable, 'Overloaded');
    return false;
  }

  /** It has not joined, and its address has more places than whoever needs one now. */
  #pushOut(connectionId: string): void {
    const entry = this.#entries.get(connectionId);
    if (entry === undefined) return;
    this.#options.context.metrics.limited('pending');
    const { connection, version } = entry;
    this.#sayWhy(connection.socket, version, 'unavailable', FULL_RETRY_MS);
    connection.close(CLOSE.unavailable, 'Overloaded');
  }

  #sayWhy(socket: WebSocket, version: Version, code: string, wait: number): void {
    if (version !== 'v2') return;
    const message = code === 'rate-limited' ? 'too many connections' : 'this node is full';
    const retryAfterMs = Math.ceil(wait);
    socket.send(JSON.stringify({ type: 'error', code, message, retryAfterMs, fatal: true }));
  }

  #reject({ socket, transport }: Client, reason: string, code: number, text: string): void {
    const { metrics, log, clock } = this.#options.context;
    socket.on('close', () => {
      this.#gone(socket);
    });
    metrics.rejected(reason);
    if (this.#rejectionLines.take(clock.now()) > 0) this.#unlogged += 1;
    else {
      log.info({ reason, code, unlogged: this.#unlogged }, 'rejected');
      this.#unlogged = 0;
    }
    socket.close(code, text);
    let after = 0;
    transport.on('data', (chunk: Buffer) => {
      after += chunk.length;
      if (after > MAX_AFTER_REFUSAL) socket.terminate();
    });
    if (this.#refused.size < MAX_LINGERING) this.#refused.add(socket);
    else socket.terminate();
  }
}

/** One object for each version: what is said in it is not kept with every connection. */
function connectionRules(
  { context, maxBufferedBytes, maxUnsentBytes, maxMessageBytes }: GatewayOptions,
  intake: Intake,
) {
  const { clock, metrics } = context;
  const shared = {
    ...{ clock, maxBufferedBytes, intake, writer: new FrameWriter() },
    backlog: new Backlog(maxUnsentBytes),
    bounds: { maxMessageBytes, maxFragments: MAX_FRAGMENTS, maxReads: MAX_READS },
  };
  const rules = (version: Version, codes: ConnectionRules['codes']): ConnectionRules => ({
    ...{ ...shared, codes },
    onSlow: (at) => {
      metrics.slow(version, at);
    },
    onFlood: () => {
      metrics.limited('control-frames');
    },
    onUnfinished: () => {
      metrics.limited('unfinished');
    },
    onHeldBack: () => {
      metrics.limited('receiver');
    },
  });
  const { binaryFrame, slowConsumer, rateLimited, policy, unavailable } = CLOSE;
  return {
    v2: rules('v2', { binary: binaryFrame, slow: slowConsumer, flood: rateLimited }),
    original: rules('original', { binary: policy, slow: unavailable, flood: unavailable }),
  };
}

/** The header is valid here: ws has parsed it before the upgrade. */
export function subprotocolsOf(request: IncomingMessage): ReadonlySet<string> {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return new Set(
    header
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
}
