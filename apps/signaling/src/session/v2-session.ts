import {
  CLOSE,
  ERROR_CODES,
  parseClientText,
  type ClientMessage,
  type ErrorCodeInfo,
  type Join,
  type OutgoingRelay,
  type ServerMessage,
  type SignalingErrorCode,
} from '@peerdeck/protocol';
import type { JoinOutcome, RoomEvent } from '../bus/bus.ts';
import type { Connection, ConnectionEnd } from '../socket/connection.ts';
import { ownsHostKey } from '../rooms/host-slot.ts';
import { roomTag } from '../base/log.ts';
import { receivedText, route } from '../rooms/relay.ts';
import type { JoinRequest, Removal, RoomMember } from '../rooms/room.ts';
import type { IceHolder } from '../turn/ice-servers.ts';
import type { Span } from '../tracing/span.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import { departure } from './departure.ts';
import { EarlyFrames } from './early-frames.ts';
import { Entrance } from './entrance.ts';
import { OFFER_TIMEOUT_MS, OfferDeadline } from './offer-deadline.ts';
import { Offences, type LimitScope } from './offences.ts';
import { originOf } from './origin.ts';
import { Pace } from './pace.ts';
import { welcomeOf } from './welcome.ts';
import { nothing, type Session, type SessionContext, type SessionOptions } from './session.ts';

/** When a sender may try again whose receiver lags. */
const LAG_RETRY_MS = 1000;
const RECEIVER_LAGS = 'its receiver does not take messages as fast as they come: try again later';

/** When a member whose place is gone comes back. */
const LOST_RETRY_MS = 500;

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
  readonly #pace: Pace;
  readonly #offences = new Offences();
  readonly #entrance: Entrance;
  readonly #offerDeadline: OfferDeadline;
  #cancelJoinTimeout: () => void;
  #cancelExpiry = nothing;
  /** Set while the join is under way: what the others send already. */
  #early: EarlyFrames | undefined;
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
    const { messageRate, byteRate } = settings;
    this.#pace = new Pace({ clock, messages: messageRate, bytes: byteRate });
    this.#challenge = random.token(16);
    this.#entrance = new Entrance({ context, trace, version: 'v2', limitKey });
    this.#offerDeadline = new OfferDeadline(clock, () => {
      this.#fail('join-timeout', `no offer to the host within ${OFFER_TIMEOUT_MS} ms`);
    });
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
    const wait = this.#pace.come(bytes);
    if (wait > 0) return this.#slowed(text, bytes, wait);
    return this.#handle(text, bytes);
  }

  /** What others do makes a host say more, so no host is closed for it. */
  async #slowed(text: string, bytes: number, wait: number): Promise<void> {
    const code = 'rate-limited';
    const message = 'too many messages of this connection: they wait';
    this.#context.metrics.limited('connection');
    if (this.#pace.isFlood && this.#joined?.member.role !== 'host') {
      this.#fail(code, message, wait);
      return;
    }
    const retryAfterMs = Math.ceil(wait);
    if (this.#pace.hasJustBegun)
      this.#send({ type: 'error', code, message, fatal: false, retryAfterMs });
    await this.#pace.hold(wait, bytes);
    await this.#handle(text, bytes);
  }

  #handle(text: string, bytes: number): void | Promise<void> {
    const { clock, metrics, ipLimiter } = this.#context;
    const started = clock.now();
    const addressWait = ipLimiter.take(this.#limitKey, started, bytes);
    if (addressWait > 0) {
      this.#limited('ip', addressWait);
      return;
    }
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
        return this.#join(message);
      case 'leave':
        return this.#leave();
      case 'ping':
        this.#send({ type: 'pong', id: message.id });
        return;
      case 'pong':
        return;
      case 'kick':
        return this.#kick(message);
      default:
        this.#relay(message, { exact: exact ? text : undefined, bytes, started });
    }
  }

  /** What viewers send must not end their host: it is spared what it has no time for. */
  frame(frame: string): boolean {
    if (this.#early === undefined && this.#joined?.member.role === 'host') {
      return this.#connection.relay(frame);
    }
    if (this.#early?.hasTimeFor(frame) === false) {
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
        if (role === 'host') this.#offerDeadline.hostIsThere(true);
        this.#tell(encode({ type: `member-${event.type}`, peerId, role }));
        return;
      case 'detached':
        if (role === 'host') this.#offerDeadline.hostIsThere(false);
        this.#tell(encode({ type: 'member-detached', peerId, role, graceMs: event.graceMs }));
        return;
      case 'left':
        if (role === 'host') this.#offerDeadline.hostIsThere(false);
        this.#tell(encode({ type: 'member-left', peerId, role, reason: event.reason }));
    }
  }

  replaced(): void {
    this.#joined = undefined;
    this.#fail('replaced', 'a newer connection took this place');
  }

  removed(why: Removal): void {
    this.#joined = undefined;
    if (why === 'kicked') this.#fail('kicked', 'the host removed this viewer');
    else
      this.#fail('join-timeout', 'others needed a place, and this viewer had proven nothing yet');
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
    this.#pace.close();
    this.#cancelJoinTimeout();
    this.#cancelExpiry();
    this.#offerDeadline.close();
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
    if (this.#early.push(frame)) return;
    this.#context.metrics.slow('v2', 'join');
    this.#connection.close(CLOSE.slowConsumer, 'Too slow');
  }

  async #join(join: Join): Promise<void> {
    if (this.#joined !== undefined) {
      this.#refuse('already-joined', 'this connection has joined: open another one');
      return;
    }
    if (join.trace !== undefined) this.#trace.adopt(join.trace);
    const name = join.resume === undefined ? 'join' : 'resume';
    const kind = { name, role: join.role, room: join.room } as const;
    await this.#entrance.account(kind, (span) => this.#enter(join, span));
  }

  /** Answers with the result, as the metrics have it; `gone`: the client did not wait for it. */
  async #enter(join: Join, span: Span): Promise<string> {
    const { bus, metrics } = this.#context;
    const { room, role } = join;
    const wait = this.#entrance.wait(room);
    if (wait > 0) {
      this.#fail('rate-limited', 'too many rooms of this address in which nobody is', wait);
      return 'rate-limited';
    }
    if (!this.#holdsKey(join)) {
      this.#fail('host-slot-taken', 'hostSignature does not match hostKey and hello.challenge');
      return 'host-slot-taken';
    }
    const wanted = { room, role };
    const entry = await this.#entrance.authenticate(join.token ?? this.#token, wanted, span);
    if (this.#end !== undefined) return 'gone';
    if (typeof entry !== 'function') {
      this.#fail(entry.code, entry.message);
      return entry.code;
    }
    this.#early = new EarlyFrames();
    const outcome = await bus.join(this.#request(join), span);
    if (join.resume !== undefined && outcome.ok) metrics.resumed(outcome.resumed);
    if (!outcome.ok) {
      if (outcome.code !== 'unavailable') this.#entrance.guessed(room, false);
      this.#early = undefined;
      this.#fail(outcome.code, REFUSALS[outcome.code], outcome.retryAfterMs);
      return outcome.code;
    }
    const hostIsThere = outcome.members.some((other) => other.role === 'host');
    this.#entrance.guessed(room, hostIsThere);
    const { member, resumed } = outcome;
    if (this.#end !== undefined) await this.#depart({ room, member }, this.#end);
    else this.#welcome(room, outcome, entry);
    return resumed ? 'resumed' : 'ok';
  }

  #holdsKey({ role, room, hostKey, hostSignature: signature = '' }: Join): boolean {
    if (role !== 'host' || hostKey === undefined) return true;
    return ownsHostKey({ hostKey, signature, challenge: this.#challenge, room });
  }

  #request({ room, role, resume, hostKey, maxViewers }: Join): JoinRequest {
    const { bus, random } = this.#context;
    return {
      ...{ room, kind: 'v2', role, nodeId: bus.nodeId },
      connectionId: this.#connection.id,
      peerId: random.token(9),
      resume: random.token(32),
      origin: originOf(this.#limitKey, room),
      ...(resume === undefined ? {} : { resumeFrom: resume }),
      ...(role === 'host' && hostKey !== undefined ? { hostKey } : {}),
      ...(role === 'host' && maxViewers !== undefined ? { maxViewers } : {}),
    };
  }

  #welcome(
    room: string,
    outcome: Extract<JoinOutcome, { ok: true }>,
    watch: (onEnd: () => void) => () => void,
  ): void {
    const { settings, log, iceServers } = this.#context;
    const { member, members, resumed } = outcome;
    this.#cancelJoinTimeout();
    this.#cancelJoinTimeout = nothing;
    this.#challenge = '';
    this.#joined = { room, member };
    if (member.role === 'host') this.#pace.beHost();
    this.#cancelExpiry = watch(() => {
      this.#fail('unauthorized', 'the token has expired: come back with a new one');
    });
    this.#onJoined(this.#connection);
    const { peerId: peer, role } = member;
    log.info({ ...this.#trace.mark, peer, role, room: roomTag(room), resumed }, 'joined');
    const holder: IceHolder = {
      room,
      limitKey: this.#limitKey,
      deliver: (message) => {
        this.#send(message);
      },
    };
    this.#iceHolder = holder;
    const welcome = welcomeOf(room, outcome, settings);
    // Not by #send: frames of others that came early stand behind it.
    this.#connection.send(
      encode({ ...welcome, iceServers: iceServers.add(holder), resumed, ...this.#trace.mark }),
    );
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.#connection.send(frame);
    if (role === 'host' || member.admitted) this.#offerDeadline.offered();
    const host = members.find((other) => other.role === 'host');
    this.#offerDeadline.hostIsThere(host?.state === 'connected');
  }

  /** One that has left meanwhile is nobody's fault. */
  async #kick({ peerId, blockMs = 0 }: Extract<ClientMessage, { type: 'kick' }>): Promise<void> {
    const joined = this.#joined;
    if (joined === undefined) return this.#refuse('not-joined', 'join a room first');
    if (joined.member.role !== 'host') {
      return this.#refuse('not-allowed', 'a viewer does not send kick');
    }
    const span = this.#trace.span.child('kick', { room: roomTag(joined.room) });
    await this.#context.bus.kick(joined.room, peerId, blockMs, span);
    span.end();
  }

  async #leave(): Promise<void> {
    const joined = this.#joined;
    if (joined === undefined) {
      this.#refuse('not-joined', 'join a room first');
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
      this.#refuse('not-joined', 'join a room first');
      return;
    }
    const { room: roomId, member } = this.#joined;
    const wait = roomLimiter.take(roomId, started, bytes);
    if (wait > 0) {
      this.#limited('room', wait);
      return;
    }
    const room = bus.room(roomId);
    if (room === undefined) throw new Error('a member without a room');
    const routed = route(room, member, message.type, message.to);
    if (!routed.ok) {
      const field = routed.code === 'unknown-peer' || routed.code === 'to-required';
      // Whoever it refuses has left by itself: there is nothing to say to anybody.
      if (message.type === 'reject' && field) metrics.refused(routed.code);
      else this.#refuse(routed.code, routed.message, field ? { field: 'to' } : {});
      return;
    }
    if (message.type === 'offer') this.#offerDeadline.offered();
    const frame = receivedText(exact, message, member.peerId);
    for (const target of routed.targets) {
      if (bus.send(target, frame)) metrics.relayed(message.type, target.nodeId === bus.nodeId);
      else this.#receiverLags();
      // It answers only those who hold a key of the room.
      if (message.type === 'answer' && target.role === 'viewer' && !target.admitted) {
        void bus.admit(roomId, target.peerId);
      }
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

  #receiverLags(): void {
    const hint = { retryAfterMs: LAG_RETRY_MS, scope: 'receiver' } as const;
    this.#refuse('rate-limited', RECEIVER_LAGS, hint);
  }

  #limited(scope: 'ip' | 'room', wait: number): void {
    this.#context.metrics.limited(scope);
    const hint = { retryAfterMs: Math.ceil(wait), scope };
    this.#refuse('rate-limited', `too many messages of this ${scope}`, hint);
  }

  /** The message is not handled, and its sender learns why; who breaks rules like that is closed. */
  #refuse(
    code: SignalingErrorCode,
    message: string,
    { scope, ...extra }: { field?: string; retryAfterMs?: number; scope?: LimitScope } = {},
  ): void {
    const { metrics, clock } = this.#context;
    metrics.refused(code);
    const isHost = this.#joined?.member.role === 'host';
    const verdict = this.#offences.refused(code, { now: clock.now(), isHost, scope });
    if (verdict === 'answer') this.#send({ type: 'error', code, message, fatal: false, ...extra });
    if (verdict !== 'close') return;
    if (code === 'rate-limited') this.#fail(code, message, extra.retryAfterMs);
    else this.#fail('protocol-error', 'too many messages that break the rules');
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
  kicked: 'the host removed a viewer of this address',
  unavailable: 'the service cannot answer now',
} as const;

function encode(message: ServerMessage): string {
  return JSON.stringify(message);
}
