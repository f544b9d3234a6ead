import { bytesToHex, randomBytes } from '@noble/hashes/utils.js';
import { utf8Bytes } from './bytes.ts';
import { CLOSE } from './close-codes.ts';
import { Comeback } from './comeback.ts';
import { Emitter } from './emitter.ts';
import { Heartbeat } from './heartbeat.ts';
import { SUBPROTOCOL_V2 } from './identifiers.ts';
import { parseServerMessage } from './message-parser.ts';
import { OutgoingQueue } from './outgoing-queue.ts';
import { createReconnectPolicy, type ReconnectPolicy } from './reconnect-policy.ts';
import { Roster } from './roster.ts';
import {
  joinMessage,
  type SendResult,
  type SignalingClientOptions,
  type SignalingEvents,
  type SignalingState,
} from './signaling-client-options.ts';
import type {
  ClientMessage,
  IceServer,
  Member,
  OutgoingRelay,
  ServerMessage,
  Welcome,
} from './signaling-messages.ts';
import {
  closeGently,
  discard,
  SOCKET_OPEN,
  systemTimers,
  type SocketLike,
  type Timers,
} from './web-socket.ts';

const JOIN_TIMEOUT_MS = 10_000;
const PROBE_MS = 3_000;
const LEAVE_MS = 1_000;
const MAX_QUEUED = 128;
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * One member's connection to signaling (`peerdeck.v2`), for hosts and viewers. It joins, answers
 * heartbeats, finds half-open connections, comes back with its resume token after a loss, and
 * moves when the server drains. Whether it comes back, and when, is for `Comeback` to say: a host
 * is only closed by its own wish.
 * Single-threaded; listeners are called from socket and timer callbacks.
 */
export class SignalingClient {
  /** What the service's logs call all connections of this client, if it knows of traces. */
  readonly trace: string;
  readonly #options: SignalingClientOptions;
  readonly #events = new Emitter<SignalingEvents>();
  readonly #queue: OutgoingQueue;
  readonly #policy: ReconnectPolicy;
  readonly #comeback: Comeback;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #heartbeat: Heartbeat;
  readonly #roster = new Roster();
  #state: SignalingState = { state: 'idle' };
  #socket: SocketLike | undefined;
  #joinTimer: unknown;
  #retryTimer: unknown;
  #connection: string | undefined;
  #welcome: Welcome | undefined;
  #iceServers: readonly IceServer[] = [];
  #resume: string | undefined;
  #fatal: { code: string; message: string; retryAfterMs: number | undefined } | undefined;
  /** When the draining server wants us back, on `now`'s clock. */
  #returnAt: number | undefined;
  #ended = false;

  constructor(options: SignalingClientOptions) {
    this.#options = options;
    this.trace = options.trace ?? bytesToHex(randomBytes(16));
    this.#queue = new OutgoingQueue(options.maxQueued ?? MAX_QUEUED);
    this.#policy = options.policy ?? createReconnectPolicy();
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
    this.#now = options.now ?? (() => performance.now());
    this.#comeback = new Comeback({
      role: options.role,
      policy: this.#policy,
      random: this.#random,
    });
    this.#resume = options.resume;
    this.#heartbeat = new Heartbeat({
      timers: this.#timers,
      sendPing: (id) => {
        this.#write({ type: 'ping', id });
      },
      onDead: () => {
        this.#lost(CLOSE.heartbeatTimeout, 'the server does not answer');
      },
    });
  }

  get state(): SignalingState {
    return this.#state;
  }

  /** What the service's logs call the last connection; undefined if it did not say. */
  get connection(): string | undefined {
    return this.#connection;
  }

  /** The last welcome; undefined before the first join. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** STUN and TURN servers as last heard; credentials among them, never to be logged. */
  get iceServers(): readonly IceServer[] {
    return this.#iceServers;
  }

  /** The other members as last heard. */
  get members(): readonly Member[] {
    return this.#roster.members;
  }

  /** What continues this membership from another client; a secret, never to be logged. */
  get resumeToken(): string | undefined {
    return this.#resume;
  }

  /** Relays that were dropped by the queue's policy, ever. */
  get droppedMessages(): number {
    return this.#queue.dropped;
  }

  on<Name extends keyof SignalingEvents>(
    name: Name,
    listener: (event: SignalingEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Starts, or starts again after 'closed' that was not by our own wish. Else does nothing. */
  connect(): void {
    const { state } = this.#state;
    if (this.#ended || (state !== 'idle' && state !== 'closed')) return;
    this.#comeback.reset();
    this.#open();
  }

  /** The page is visible or the network is back: tries now instead of later. */
  wake(): void {
    if (this.#state.state === 'reconnecting') {
      this.#clearTimers();
      this.#open();
    } else if (this.#state.state === 'joined') {
      this.#heartbeat.probe(PROBE_MS);
    }
  }

  /** Relays `message`; keeps it for later while there is no connection. */
  send(message: OutgoingRelay): SendResult {
    if (this.#ended || this.#state.state === 'closed') return 'dropped';
    if (this.#state.state !== 'joined') {
      this.#queue.push(message);
      return 'queued';
    }
    return this.#relay(message);
  }

  /** The host removes a viewer, and its address for so long. Nothing to do while there is no connection. */
  kick(peerId: string, blockMs: number): boolean {
    if (this.#state.state !== 'joined') return false;
    return this.#writeText(
      JSON.stringify({ type: 'kick', peerId, blockMs } satisfies ClientMessage),
    );
  }

  /** Says goodbye, so that the others know at once, and ends. Resolves when it is said. */
  leave(reason?: string): Promise<void> {
    const socket = this.#socket;
    const joined = this.#state.state === 'joined';
    if (this.#ended || socket === undefined || !joined) {
      this.close();
      return Promise.resolve();
    }
    this.#write(reason === undefined ? { type: 'leave' } : { type: 'leave', reason });
    this.#socket = undefined;
    this.#end(reason ?? 'left');
    return closeGently(socket, this.#timers, LEAVE_MS);
  }

  /** Ends without a goodbye: the server keeps the place for `detachMs`. Idempotent. */
  close(): void {
    if (this.#ended) return;
    this.#dropSocket();
    this.#end('closed here');
  }

  #end(reason: string): void {
    this.#ended = true;
    this.#clearTimers();
    this.#heartbeat.stop();
    this.#queue.clear();
    this.#setState({ state: 'closed', code: CLOSE.normal, reason, final: true });
    this.#events.clear();
  }

  #open(): void {
    this.#fatal = undefined;
    this.#setState({ state: 'connecting', attempt: this.#comeback.attempt });
    let socket: SocketLike;
    try {
      socket = new this.#options.WebSocket(this.#options.url, [SUBPROTOCOL_V2]);
    } catch (error) {
      // A URL that is none, or ws:// from an https page.
      this.#lost(CLOSE.policy, error instanceof Error ? error.message : 'bad address');
      return;
    }
    this.#socket = socket;
    this.#joinTimer = this.#timers.set(() => {
      this.#lost(CLOSE.joinTimeout, 'the server did not let us in in time');
    }, this.#options.joinTimeoutMs ?? JOIN_TIMEOUT_MS);
    socket.onopen = () => {
      if (socket.protocol !== SUBPROTOCOL_V2) {
        this.#lost(CLOSE.policy, `the server does not speak ${SUBPROTOCOL_V2}`);
      } else if (this.#options.hostKey === undefined) {
        this.#join(undefined);
      }
    };
    socket.onmessage = ({ data }) => {
      this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      this.#lost(code, reason);
    };
    socket.onerror = () => {}; // onclose follows and says more
  }

  #join(challenge: string | undefined): void {
    this.#write(joinMessage(this.#options, { trace: this.trace, resume: this.#resume, challenge }));
  }

  #receive(data: unknown): void {
    this.#heartbeat.seen();
    const parsed = parseServerMessage(data);
    if (parsed.ok) {
      this.#handle(parsed.message);
    } else if (parsed.error.code !== 'unknown-type') {
      // A newer server may say what we do not know; anything else is a fault worth telling.
      this.#events.emit('error', { ...parsed.error, fatal: false, local: true });
    }
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.#connection = message.connection;
        if (this.#options.hostKey !== undefined) this.#join(message.challenge);
        return;
      case 'welcome':
        this.#joined(message);
        return;
      case 'ice-servers':
        this.#iceServers = message.iceServers;
        this.#events.emit('iceServers', this.#iceServers);
        return;
      case 'ping':
        this.#write({ type: 'pong', id: message.id });
        return;
      case 'pong':
        return;
      case 'drain':
        this.#drain(message.retryAfterMs);
        return;
      case 'error': {
        const { code, field, fatal, retryAfterMs } = message;
        if (fatal) this.#fatal = { code, message: message.message, retryAfterMs };
        this.#events.emit('error', { code, message: message.message, field, fatal, local: false });
        return;
      }
      default:
        this.#roster.hear(message);
        this.#events.emit('message', message);
    }
  }

  #joined(welcome: Welcome): void {
    if (this.#state.state === 'joined') return;
    this.#clearTimers();
    this.#comeback.joined(this.#now());
    this.#welcome = welcome;
    this.#iceServers = welcome.iceServers;
    this.#resume = welcome.resume;
    this.#roster.begin(welcome.members);
    this.#heartbeat.start(welcome.heartbeatMs);
    // Queued first, so that what listeners send now comes after it.
    this.#state = { state: 'joined' };
    for (const message of this.#queue.drain((peer) => this.#roster.has(peer))) {
      this.#relay(message);
    }
    this.#events.emit('welcome', welcome);
    if (this.#state.state === 'joined') this.#events.emit('state', this.#state);
  }

  /** The socket is gone or as good as gone. */
  #lost(code: number, reason: string): void {
    const fatal = this.#fatal;
    this.#dropSocket();
    this.#clearTimers();
    const drainMs = this.#returnAt === undefined ? undefined : this.#returnAt - this.#now();
    this.#returnAt = undefined;
    const renewable = this.#mayRenew();
    const text = fatal?.message ?? (reason === '' ? 'the connection was lost' : reason);
    const loss = { code, drainMs, renewable, ...(fatal === undefined ? {} : { fatal }) };
    const next = this.#comeback.lost(loss, this.#now());
    if ('stop' in next) {
      this.#queue.clear();
      this.#setState({ state: 'closed', code, reason: text, final: next.final });
      return;
    }
    const { inMs, cause } = next;
    this.#retryTimer = this.#timers.set(() => {
      this.#open();
    }, inMs);
    const { attempt } = this.#comeback;
    this.#setState({ state: 'reconnecting', inMs, attempt, reason: text, code, cause });
  }

  /** A token that let in once and ended; one that never did is the user's mistake. */
  #mayRenew(): boolean {
    return this.#welcome !== undefined && typeof this.#options.token === 'function';
  }

  /** The connection serves until it is time to move; if it closes before, `#lost` waits. */
  #drain(retryAfterMs: number): void {
    if (this.#returnAt !== undefined) return;
    const delay = this.#policy.next(0, { random: this.#random, retryAfterMs });
    if (delay === 'stop') return;
    this.#returnAt = this.#now() + delay;
    this.#retryTimer = this.#timers.set(() => {
      this.#returnAt = undefined;
      this.#dropSocket();
      this.#clearTimers();
      this.#open();
    }, delay);
  }

  #relay(message: OutgoingRelay): SendResult {
    const text = JSON.stringify(message);
    const max = this.#welcome?.limits.messageBytes ?? Number.POSITIVE_INFINITY;
    const bytes = utf8Bytes(text);
    if (bytes > max) return this.#refuse('too-large', `${bytes} of ${max} bytes`);
    const buffered = this.#socket?.bufferedAmount ?? 0;
    if (buffered > (this.#options.maxBufferedBytes ?? MAX_BUFFERED_BYTES)) {
      return this.#refuse('slow-consumer', 'the connection does not take what is sent');
    }
    return this.#writeText(text) ? 'sent' : 'dropped';
  }

  #refuse(code: string, message: string): SendResult {
    this.#events.emit('error', { code, message, fatal: false, local: true });
    return 'dropped';
  }

  #write(message: ClientMessage): void {
    this.#writeText(JSON.stringify(message));
  }

  #writeText(text: string): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== SOCKET_OPEN) return false;
    socket.send(text);
    return true;
  }

  #dropSocket(): void {
    this.#heartbeat.stop();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) discard(socket);
  }

  #clearTimers(): void {
    if (this.#joinTimer !== undefined) this.#timers.clear(this.#joinTimer);
    if (this.#retryTimer !== undefined) this.#timers.clear(this.#retryTimer);
    this.#joinTimer = undefined;
    this.#retryTimer = undefined;
  }

  #setState(state: SignalingState): void {
    this.#state = state;
    this.#events.emit('state', state);
  }
}
