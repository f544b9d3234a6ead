import {
  CLOSE,
  parseClientText,
  type ClientMessage,
  type Join,
  type OutgoingRelay,
  type ServerMessage,
} from '@peerdeck/protocol';
import type { JoinOutcome, RoomEvent } from '../bus/bus.ts';
import type { Connection, ConnectionEnd } from '../socket/connection.ts';
import { roomTag } from '../base/log.ts';
import type { Removal, RoomMember } from '../rooms/room.ts';
import type { IceHolder } from '../turn/ice-servers.ts';
import type { Span } from '../tracing/span.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import { departure } from './departure.ts';
import { EarlyFrames } from './early-frames.ts';
import { Entrance } from './entrance.ts';
import { OFFER_TIMEOUT_MS, OfferDeadline } from './offer-deadline.ts';
import { Refusals } from './refusals.ts';
import { Relaying } from './relaying.ts';
import { holdsKey, JOIN_REFUSALS, joinRequest } from './join-request.ts';
import { Pace } from './pace.ts';
import { welcomeOf } from './welcome.ts';
import { nothing, type Session, type SessionContext, type SessionOptions } from './session.ts';

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
  readonly #refusals: Refusals;
  readonly #relaying: Relaying;
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
    this.#refusals = new Refusals({
      ...{ context, connection },
      isHost: () => this.#joined?.member.role === 'host',
    });
    this.#relaying = new Relaying({ context, trace, refusals: this.#refusals });
    this.#challenge = random.token(16);
    this.#entrance = new Entrance({ context, trace, version: 'v2', limitKey });
    this.#offerDeadline = new OfferDeadline(clock, () => {
      this.#refusals.fail('join-timeout', `no offer to the host within ${OFFER_TIMEOUT_MS} ms`);
    });
    this.#cancelJoinTimeout = clock.after(settings.joinTimeoutMs, () => {
      this.#refusals.fail('join-timeout', `no join within ${settings.joinTimeoutMs} ms`);
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
      this.#refusals.fail(code, message, wait);
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
      this.#refusals.limited('ip', addressWait);
      return;
    }
    const parsed = parseClientText(text);
    if (!parsed.ok) {
      const { code, message, field } = parsed.error;
      this.#refusals.refuse(code, message, field === '' ? {} : { field });
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
    this.#refusals.fail('replaced', 'a newer connection took this place');
  }

  removed(why: Removal): void {
    this.#joined = undefined;
    if (why === 'kicked') this.#refusals.fail('kicked', 'the host removed this viewer');
    else
      this.#refusals.fail(
        'join-timeout',
        'others needed a place, and this viewer had proven nothing yet',
      );
  }

  lost(): void {
    this.#joined = undefined;
    this.#refusals.fail('unavailable', 'the place in the room is gone: join again', LOST_RETRY_MS);
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
      this.#refusals.refuse('already-joined', 'this connection has joined: open another one');
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
      this.#refusals.fail(
        'rate-limited',
        'too many rooms of this address in which nobody is',
        wait,
      );
      return 'rate-limited';
    }
    if (!holdsKey(join, this.#challenge)) {
      this.#refusals.fail(
        'host-slot-taken',
        'hostSignature does not match hostKey and hello.challenge',
      );
      return 'host-slot-taken';
    }
    const wanted = { room, role };
    const entry = await this.#entrance.authenticate(join.token ?? this.#token, wanted, span);
    if (this.#end !== undefined) return 'gone';
    if (typeof entry !== 'function') {
      this.#refusals.fail(entry.code, entry.message);
      return entry.code;
    }
    this.#early = new EarlyFrames();
    const outcome = await bus.join(
      joinRequest(join, {
        ...{ nodeId: bus.nodeId, random: this.#context.random },
        ...{ connectionId: this.#connection.id, limitKey: this.#limitKey },
      }),
      span,
    );
    if (join.resume !== undefined && outcome.ok) metrics.resumed(outcome.resumed);
    if (!outcome.ok) {
      if (outcome.code !== 'unavailable') this.#entrance.guessed(room, false);
      this.#early = undefined;
      this.#refusals.fail(outcome.code, JOIN_REFUSALS[outcome.code], outcome.retryAfterMs);
      return outcome.code;
    }
    const hostIsThere = outcome.members.some((other) => other.role === 'host');
    this.#entrance.guessed(room, hostIsThere);
    const { member, resumed } = outcome;
    if (this.#end !== undefined) await this.#depart({ room, member }, this.#end);
    else this.#welcome(room, outcome, entry);
    return resumed ? 'resumed' : 'ok';
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
      this.#refusals.fail('unauthorized', 'the token has expired: come back with a new one');
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
    if (joined === undefined) return this.#refusals.refuse('not-joined', 'join a room first');
    if (joined.member.role !== 'host') {
      return this.#refusals.refuse('not-allowed', 'a viewer does not send kick');
    }
    const span = this.#trace.span.child('kick', { room: roomTag(joined.room) });
    await this.#context.bus.kick(joined.room, peerId, blockMs, span);
    span.end();
  }

  async #leave(): Promise<void> {
    const joined = this.#joined;
    if (joined === undefined) {
      this.#refusals.refuse('not-joined', 'join a room first');
      return;
    }
    this.#joined = undefined;
    const span = this.#trace.span.child('leave', { reason: 'left' });
    const left = this.#context.bus.leave(joined.room, joined.member, 'left', span);
    this.#connection.close(CLOSE.normal, 'Left');
    await left;
    span.end();
  }

  #relay(
    message: OutgoingRelay,
    sent: { exact: string | undefined; bytes: number; started: number },
  ) {
    if (this.#joined === undefined) {
      this.#refusals.refuse('not-joined', 'join a room first');
      return;
    }
    if (this.#relaying.relay(message, { ...sent, ...this.#joined }) && message.type === 'offer') {
      this.#offerDeadline.offered();
    }
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

  #send(message: ServerMessage): void {
    this.#connection.send(encode(message));
  }
}

function encode(message: ServerMessage): string {
  return JSON.stringify(message);
}
