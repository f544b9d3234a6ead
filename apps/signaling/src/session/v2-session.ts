import {
  CLOSE,
  ERROR_CODES,
  mayRetryAfterClose,
  parseClientText,
  type ErrorCodeInfo,
  type Join,
  type OutgoingRelay,
  type PeerRole,
  type ServerMessage,
  type SignalingErrorCode,
} from '@peerdeck/protocol';
import type { AuthRefusal } from '../auth/authenticator.ts';
import type { RoomEvent } from '../bus/bus.ts';
import type { Connection, ConnectionEnd } from '../socket/connection.ts';
import { ownsHostKey } from '../rooms/host-slot.ts';
import { Gcra } from '../limits/limiter.ts';
import { roomTag } from '../base/log.ts';
import { receivedText, route } from '../rooms/relay.ts';
import type { JoinRequest, LeaveReason, RoomMember } from '../rooms/room.ts';
import type { IceHolder } from '../turn/ice-servers.ts';
import type { Span } from '../tracing/span.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import {
  OFFENCES,
  nothing,
  notWatched,
  type Session,
  type SessionContext,
  type SessionOptions,
} from './session.ts';

/** Frames kept for a member between its join and its welcome, and their characters; more of what others send is dropped. */
const MAX_EARLY = 256;
const MAX_EARLY_CHARACTERS = 2 ** 20;

/** When a sender may try again whose receiver lags. */
const LAG_RETRY_MS = 1000;
const RECEIVER_LAGS = 'its receiver does not take messages as fast as they come: try again later';

/** When a member whose place is gone comes back. */
const LOST_RETRY_MS = 500;

/** Close codes of a peer that leaves on purpose; any other end is a loss. */
const LEAVING: ReadonlySet<number> = new Set([1000, 1001, 1005]);

interface Joined {
  readonly room: string;
  readonly member: RoomMember;
}

/** A connection of `peerdeck.v2`. */
export class V2Session implements Session {
  readonly #context: SessionContext;
  readonly #connection: Connection;
  readonly #trace: ConnectionTrace;
  readonly #limitKey: string;
  readonly #onJoined: (connection: Connection) => void;
  readonly #token: string | undefined;
  /** Until the join. */
  #challenge: string;
  readonly #rate: Gcra;
  readonly #byteRate: Gcra;
  #offences: Gcra | undefined;
  #cancelJoinTimeout: () => void;
  #cancelExpiry = nothing;
  /** Set while the join is under way: what the others send already. */
  #early: string[] | undefined;
  #earlyCharacters = 0;
  #joined: Joined | undefined;
  #iceHolder: IceHolder | undefined;
  #end: ConnectionEnd | undefined;

  constructor({ context, connection, trace, limitKey, onJoined, token }: SessionOptions) {
    const { settings, random, clock } = context;
    this.#context = context;
    this.#connection = connection;
    this.#trace = trace;
    this.#limitKey = limitKey;
    this.#onJoined = onJoined;
    this.#token = token;
    this.#rate = new Gcra(settings.messageRate);
    this.#byteRate = new Gcra(settings.byteRate);
    this.#challenge = random.token(16);
    this.#cancelJoinTimeout = clock.after(settings.joinTimeoutMs, () => {
      this.#fail('join-timeout', `no join within ${settings.joinTimeoutMs} ms`);
    });
    this.#send({
      type: 'hello',
      challenge: this.#challenge,
      server: settings.server,
      ...trace.mark,
    });
  }

  message(text: string, bytes: number): void | Promise<void> {
    const { clock, metrics } = this.#context;
    const started = clock.now();
    if (!this.#within(started, bytes)) return;
    const parsed = parseClientText(text);
    if (!parsed.ok) {
      const { code, message, field } = parsed.error;
      this.#refuse(code, message, field === '' ? {} : { field });
      return;
    }
    const { message, exact } = parsed;
    metrics.received(message.type);
    switch (message.type) {
      case 'join':
        return this.#join(message, started);
      case 'leave':
        return this.#leave();
      case 'ping':
        this.#send({ type: 'pong', id: message.id });
        return;
      case 'pong':
        return;
      default:
        this.#relay(message, { exact: exact ? text : undefined, bytes, started });
    }
  }

  /** What viewers send must not end their host: it is spared what it has no time for. */
  frame(frame: string): boolean {
    if (this.#early === undefined && this.#joined?.member.role === 'host') {
      return this.#connection.relay(frame);
    }
    if (this.#early !== undefined && !this.#hasTimeFor(frame)) {
      this.#context.metrics.limited('receiver');
      return false;
    }
    this.#tell(frame);
    return true;
  }

  event(event: RoomEvent): void {
    const { peerId, role } = event.member;
    // A room is of one kind, so no member of another kind is ever told of here.
    if (role === 'peer') return;
    switch (event.type) {
      case 'joined':
      case 'resumed':
        // First the servers: a viewer makes its offer as soon as it hears of the host.
        if (role === 'host' && this.#iceHolder !== undefined) {
          this.#context.iceServers.hostCame(this.#iceHolder);
        }
        this.#tell(encode({ type: `member-${event.type}`, peerId, role }));
        return;
      case 'detached':
        this.#tell(encode({ type: 'member-detached', peerId, role, graceMs: event.graceMs }));
        return;
      case 'left':
        this.#tell(encode({ type: 'member-left', peerId, role, reason: event.reason }));
    }
  }

  replaced(): void {
    this.#joined = undefined;
    this.#fail('replaced', 'a newer connection took this place');
  }

  lost(): void {
    this.#joined = undefined;
    this.#fail('unavailable', 'the place in the room is gone: join again', LOST_RETRY_MS);
  }

  drain(retryAfterMs: number): void {
    this.#send({ type: 'drain', retryAfterMs });
  }

  ended(end: ConnectionEnd): void {
    this.#end = end;
    this.#cancelJoinTimeout();
    this.#cancelExpiry();
    this.#early = undefined;
    if (this.#iceHolder !== undefined) this.#context.iceServers.remove(this.#iceHolder);
    const joined = this.#joined;
    this.#joined = undefined;
    if (joined !== undefined) void this.#depart(joined, end);
  }

  failed(error: unknown): void {
    this.#context.log.error({ ...this.#trace.mark, err: error }, 'session failed');
  }

  #tell(frame: string): void {
    if (this.#early === undefined) {
      this.#connection.send(frame);
      return;
    }
    // What the service itself has to say about others finds its place beside what these sent.
    if (this.#early.length >= MAX_EARLY * 2) {
      this.#context.metrics.slow('v2', 'join');
      this.#connection.close(CLOSE.slowConsumer, 'Too slow');
      return;
    }
    this.#earlyCharacters += frame.length;
    this.#early.push(frame);
  }

  #hasTimeFor(frame: string): boolean {
    const count = this.#early?.length ?? 0;
    return count < MAX_EARLY && this.#earlyCharacters + frame.length <= MAX_EARLY_CHARACTERS;
  }

  async #join(join: Join, started: number): Promise<void> {
    const { metrics, clock } = this.#context;
    if (this.#joined !== undefined) {
      this.#refuse('already-joined', 'this connection has joined: open another one', {});
      return;
    }
    if (join.trace !== undefined) this.#trace.adopt(join.trace);
    const span = this.#trace.span.child(join.resume === undefined ? 'join' : 'resume', {
      role: join.role,
      room: roomTag(join.room),
    });
    try {
      const result = await this.#enter(join, span);
      if (result !== 'gone') metrics.joined('v2', result);
      span.end({ result }, result === 'unavailable');
    } catch (error) {
      metrics.joined('v2', 'error');
      span.end({ result: 'error' }, true);
      throw error;
    }
    if (this.#joined !== undefined) metrics.joinTook('v2', clock.now() - started);
  }

  /** Answers with the result, as the metrics have it; `gone`: the client did not wait for it. */
  async #enter(join: Join, span: Span): Promise<string> {
    const { bus, random, settings, log, metrics, iceServers } = this.#context;
    const { hostKey, hostSignature: signature } = join;
    if (!this.#mayTry(join.room)) return 'rate-limited';
    if (join.role === 'host' && hostKey !== undefined) {
      const challenge = this.#challenge;
      const claim = { hostKey, signature: signature ?? '', challenge, room: join.room };
      if (!ownsHostKey(claim)) {
        this.#fail('host-slot-taken', 'hostSignature does not match hostKey and hello.challenge');
        return 'host-slot-taken';
      }
    }
    const entry = await this.#authenticate(join, span);
    if (typeof entry === 'string') return entry;
    this.#early = [];
    this.#earlyCharacters = 0;
    const request: JoinRequest = {
      room: join.room,
      kind: 'v2',
      role: join.role,
      nodeId: bus.nodeId,
      connectionId: this.#connection.id,
      peerId: random.token(9),
      resume: random.token(32),
      ...(join.resume === undefined ? {} : { resumeFrom: join.resume }),
      ...(join.role === 'host' && hostKey !== undefined ? { hostKey } : {}),
      ...(join.role === 'host' && join.maxViewers !== undefined
        ? { maxViewers: join.maxViewers }
        : {}),
    };
    const outcome = await bus.join(request, span);
    if (join.resume !== undefined && outcome.ok) metrics.resumed(outcome.resumed);
    if (!outcome.ok) {
      if (outcome.code !== 'unavailable') this.#guessed(join.room, false);
      this.#early = undefined;
      this.#fail(outcome.code, REFUSALS[outcome.code], outcome.retryAfterMs);
      return outcome.code;
    }
    const { member, resumed, members } = outcome;
    const joined = { room: join.room, member };
    const result = resumed ? 'resumed' : 'ok';
    this.#guessed(
      join.room,
      members.some(({ role }) => role === 'host'),
    );
    if (this.#end !== undefined) {
      await this.#depart(joined, this.#end);
      return result;
    }
    this.#cancelJoinTimeout();
    this.#cancelJoinTimeout = nothing;
    this.#challenge = '';
    this.#joined = joined;
    this.#cancelExpiry = entry();
    this.#onJoined(this.#connection);
    log.info(
      {
        ...this.#trace.mark,
        peer: member.peerId,
        role: join.role,
        room: roomTag(join.room),
        resumed,
      },
      'joined',
    );
    const holder: IceHolder = {
      room: join.room,
      limitKey: this.#limitKey,
      deliver: (message) => {
        this.#send(message);
      },
    };
    this.#iceHolder = holder;
    this.#connection.send(
      encode({
        type: 'welcome',
        peerId: member.peerId,
        role: join.role,
        room: join.room,
        members: members
          .filter(({ peerId }) => peerId !== member.peerId)
          .map(({ peerId, role, state }) => ({
            peerId,
            role: role === 'host' ? ('host' as const) : ('viewer' as const),
            state,
          })),
        iceServers: iceServers.add(holder),
        resume: member.resume,
        resumed,
        ...this.#trace.mark,
        heartbeatMs: settings.heartbeatMs,
        detachMs: settings.detachMs,
        limits: {
          messageBytes: settings.messageBytes,
          messagesPer10s: settings.messageRate.limit,
          maxMembers: settings.maxMembers,
        },
      }),
    );
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.#connection.send(frame);
    return result;
  }

  /** Answers with what starts the watch over the token's end, or why there is no entry. */
  async #authenticate(
    { room, role, token }: Join,
    span: Span,
  ): Promise<'gone' | AuthRefusal | (() => () => void)> {
    const { auth } = this.#context;
    if (auth === undefined) return notWatched;
    const checked = span.child('authenticate');
    const decision = await auth.decide(token ?? this.#token, { room, role }, 'v2');
    checked.end({ result: decision.ok ? 'ok' : decision.code });
    if (this.#end !== undefined) return 'gone';
    if (!decision.ok) {
      if (decision.code === 'forbidden') this.#guessed(room, false);
      this.#fail(decision.code, decision.message);
      return decision.code;
    }
    return () =>
      auth.untilEnd(decision.grant, 'v2', () => {
        this.#fail('unauthorized', 'the token has expired: come back with a new one');
      });
  }

  #mayTry(room: string): boolean {
    const { guesses, clock, metrics } = this.#context;
    const wait = guesses.wait(this.#limitKey, room, clock.now());
    if (wait <= 0) return true;
    metrics.limited('guesses');
    this.#fail('rate-limited', 'too many rooms of this address in which nobody is', wait);
    return false;
  }

  /** Whether the join led to a host: its own, or that of the room. */
  #guessed(room: string, found: boolean): void {
    const { guesses, clock } = this.#context;
    if (found) guesses.found(this.#limitKey, room);
    else guesses.missed(this.#limitKey, room, clock.now());
  }

  async #leave(): Promise<void> {
    const joined = this.#joined;
    if (joined === undefined) {
      this.#refuse('not-joined', 'join a room first', {});
      return;
    }
    this.#joined = undefined;
    const span = this.#trace.span.child('leave', { reason: 'left' });
    const left = this.#context.bus.leave(joined.room, joined.member, 'left', span);
    this.#connection.close(CLOSE.normal, 'Left');
    await left;
    span.end();
  }

  /** Hands the message on at once. Everything here is synchronous, which is what keeps order. */
  #relay(
    message: OutgoingRelay,
    {
      exact,
      bytes,
      started,
    }: { readonly exact: string | undefined; readonly bytes: number; readonly started: number },
  ): void {
    const { bus, roomLimiter, clock, metrics, settings } = this.#context;
    if (this.#joined === undefined) {
      this.#refuse('not-joined', 'join a room first', {});
      return;
    }
    const wait = roomLimiter.take(this.#joined.room, started, bytes);
    if (wait > 0) {
      this.#limited('room', wait);
      return;
    }
    const room = bus.room(this.#joined.room);
    if (room === undefined) throw new Error('a member without a room');
    const routed = route(room, this.#joined.member, message.type, message.to);
    if (!routed.ok) {
      const field = routed.code === 'unknown-peer' || routed.code === 'to-required';
      this.#refuse(routed.code, routed.message, field ? { field: 'to' } : {});
      return;
    }
    const frame = receivedText(exact, message, this.#joined.member.peerId);
    for (const target of routed.targets) {
      if (bus.send(target, frame)) metrics.relayed(message.type, target.nodeId === bus.nodeId);
      else this.#receiverLags();
    }
    const took = clock.now() - started;
    metrics.relayTook(took);
    if (settings.relayTraceRatio > 0) this.#trace.relayed(message.type, took);
  }

  async #depart({ room, member }: Joined, end: ConnectionEnd): Promise<void> {
    const { bus, isDraining } = this.#context;
    const reason = isDraining()
      ? 'drain'
      : departure(end, member.role === 'host' ? 'host' : 'viewer');
    const span = this.#trace.span.child('leave', { reason });
    if (reason === 'drain') await bus.handOver(room, member, span);
    else if (reason === 'lost') await bus.detach(room, member, span);
    else await bus.leave(room, member, reason, span);
    span.end();
  }

  #within(now: number, bytes: number): boolean {
    const wait = this.#rate.take(now) || this.#byteRate.take(now, bytes);
    if (wait > 0) {
      this.#limited('connection', wait);
      return false;
    }
    const addressWait = this.#context.ipLimiter.take(this.#limitKey, now, bytes);
    if (addressWait > 0) this.#limited('ip', addressWait);
    return addressWait === 0;
  }

  /** No offence of a host: it does not choose how fast its viewers read. */
  #receiverLags(): void {
    const hint = { retryAfterMs: LAG_RETRY_MS };
    if (this.#joined?.member.role !== 'host') {
      this.#refuse('rate-limited', RECEIVER_LAGS, hint);
      return;
    }
    this.#context.metrics.refused('rate-limited');
    this.#send({
      ...{ type: 'error', code: 'rate-limited', message: RECEIVER_LAGS, fatal: false },
      ...hint,
    });
  }

  #limited(scope: 'connection' | 'ip' | 'room', wait: number): void {
    this.#context.metrics.limited(scope);
    this.#refuse('rate-limited', `too many messages of this ${scope}`, {
      retryAfterMs: Math.ceil(wait),
    });
  }

  /** The message is not handled, and its sender learns why; who goes on like that is closed. */
  #refuse(
    code: SignalingErrorCode,
    message: string,
    extra: { field?: string; retryAfterMs?: number },
  ): void {
    const { metrics, clock } = this.#context;
    metrics.refused(code);
    this.#offences ??= new Gcra(OFFENCES);
    if (this.#offences.take(clock.now()) > 0) {
      if (code === 'rate-limited') this.#fail(code, message, extra.retryAfterMs);
      else this.#fail('protocol-error', 'too many messages that break the rules');
      return;
    }
    this.#send({ type: 'error', code, message, fatal: false, ...extra });
  }

  /** Says why, and closes with the code that belongs to it. */
  #fail(code: SignalingErrorCode, message: string, retryAfterMs?: number): void {
    const { closeCode }: ErrorCodeInfo = ERROR_CODES[code];
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) };
    this.#send({ type: 'error', code, message, fatal: true, ...hint });
    this.#connection.close(closeCode ?? CLOSE.internal, code);
  }

  #send(message: ServerMessage): void {
    this.#connection.send(encode(message));
  }
}

const REFUSALS = {
  'room-full': 'no place is left in this room',
  'host-slot-taken': 'this room has another host',
  'wrong-room-kind': 'this room is used with the original protocol',
  unavailable: 'the service cannot answer now',
} as const;

function encode(message: ServerMessage): string {
  return JSON.stringify(message);
}

/** What the others hear of a member whose connection ended. */
function departure(end: ConnectionEnd, role: PeerRole): LeaveReason {
  if (end.by === 'peer') return LEAVING.has(end.code) ? 'left' : 'lost';
  // Its token ended while it was here: it may come back with a new one.
  if (end.code === CLOSE.unauthorized) return 'lost';
  // Who may come back after this code finds the place kept; who broke the rules does not.
  return mayRetryAfterClose(end.code, role) ? 'lost' : 'kicked';
}
