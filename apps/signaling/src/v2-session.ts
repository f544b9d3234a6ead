import {
  CLOSE,
  ERROR_CODES,
  closeCodeInfo,
  parseClientText,
  type ErrorCodeInfo,
  type Join,
  type OutgoingRelay,
  type ServerMessage,
  type SignalingErrorCode,
} from '@peerdeck/protocol';
import type { RoomEvent } from './bus/bus.ts';
import type { Connection, ConnectionEnd } from './connection.ts';
import { ownsHostKey } from './host-slot.ts';
import { Gcra } from './limiter.ts';
import { roomTag } from './log.ts';
import { receivedText, route } from './relay.ts';
import type { LeaveReason, RoomMember } from './room.ts';
import type { IceHolder } from './turn/ice-servers.ts';
import { OFFENCES, type Session, type SessionContext, type SessionOptions } from './session.ts';

/** Frames kept for a member between its join and its welcome; more, and it is too slow. */
const MAX_EARLY = 256;

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
  readonly #limitKey: string;
  readonly #onJoined: () => void;
  readonly #token: string | undefined;
  readonly #challenge: string;
  readonly #rate: Gcra;
  readonly #offences = new Gcra(OFFENCES);
  readonly #cancelJoinTimeout: () => void;
  #cancelExpiry = () => {};
  /** Set while the join is under way: what the others send already. */
  #early: string[] | undefined;
  #joined: Joined | undefined;
  #iceHolder: IceHolder | undefined;
  #end: ConnectionEnd | undefined;

  constructor({ context, connection, limitKey, onJoined, token }: SessionOptions) {
    const { settings, random, clock } = context;
    this.#context = context;
    this.#connection = connection;
    this.#limitKey = limitKey;
    this.#onJoined = onJoined;
    this.#token = token;
    this.#rate = new Gcra(settings.messageRate);
    this.#challenge = random.token(16);
    this.#cancelJoinTimeout = clock.after(settings.joinTimeoutMs, () => {
      this.#fail('join-timeout', `no join within ${settings.joinTimeoutMs} ms`);
    });
    this.#send({ type: 'hello', challenge: this.#challenge, server: settings.server });
  }

  message(text: string): void | Promise<void> {
    const { clock, metrics } = this.#context;
    const started = clock.now();
    if (!this.#within(started)) return;
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
        this.#relay(message, exact ? text : undefined, started);
    }
  }

  frame(frame: string): void {
    if (this.#early === undefined) {
      this.#connection.send(frame);
      return;
    }
    if (this.#early.length >= MAX_EARLY) {
      this.#context.metrics.slow('v2', 'join');
      this.#connection.close(CLOSE.slowConsumer, 'Too slow');
      return;
    }
    this.#early.push(frame);
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
        this.frame(encode({ type: `member-${event.type}`, peerId, role }));
        return;
      case 'detached':
        this.frame(encode({ type: 'member-detached', peerId, role, graceMs: event.graceMs }));
        return;
      case 'left':
        this.frame(encode({ type: 'member-left', peerId, role, reason: event.reason }));
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
    this.#context.log.error({ connection: this.#connection.id, err: error }, 'session failed');
  }

  async #join(join: Join, started: number): Promise<void> {
    const { metrics, clock } = this.#context;
    try {
      await this.#enter(join);
    } catch (error) {
      metrics.joined('v2', 'error');
      throw error;
    }
    if (this.#joined !== undefined) metrics.joinTook('v2', clock.now() - started);
  }

  async #enter(join: Join): Promise<void> {
    const { bus, random, settings, log, metrics, iceServers } = this.#context;
    const { hostKey, hostSignature: signature } = join;
    if (this.#joined !== undefined) {
      this.#refuse('already-joined', 'this connection has joined: open another one', {});
      return;
    }
    if (join.role === 'host' && hostKey !== undefined) {
      const challenge = this.#challenge;
      const claim = { hostKey, signature: signature ?? '', challenge, room: join.room };
      if (!ownsHostKey(claim)) {
        metrics.joined('v2', 'host-slot-taken');
        this.#fail('host-slot-taken', 'hostSignature does not match hostKey and hello.challenge');
        return;
      }
    }
    const entry = await this.#authenticate(join);
    if (entry === 'refused') return;
    this.#early = [];
    const outcome = await bus.join({
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
    });
    metrics.joined('v2', outcome.ok ? (outcome.resumed ? 'resumed' : 'ok') : outcome.code);
    if (join.resume !== undefined && outcome.ok) metrics.resumed(outcome.resumed);
    if (!outcome.ok) {
      this.#early = undefined;
      this.#fail(outcome.code, REFUSALS[outcome.code], outcome.retryAfterMs);
      return;
    }
    const { member, resumed, members } = outcome;
    const joined = { room: join.room, member };
    if (this.#end !== undefined) {
      await this.#depart(joined, this.#end);
      return;
    }
    this.#cancelJoinTimeout();
    this.#joined = joined;
    this.#cancelExpiry = entry();
    this.#onJoined();
    log.info(
      {
        connection: this.#connection.id,
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
  }

  /** Answers with what starts the watch over the token's end. */
  async #authenticate({ room, role, token }: Join): Promise<'refused' | (() => () => void)> {
    const { auth, metrics } = this.#context;
    if (auth === undefined) return () => () => {};
    const decision = await auth.decide(token ?? this.#token, { room, role }, 'v2');
    if (this.#end !== undefined) return 'refused';
    if (!decision.ok) {
      metrics.joined('v2', decision.code);
      this.#fail(decision.code, decision.message);
      return 'refused';
    }
    return () =>
      auth.untilEnd(decision.grant, 'v2', () => {
        this.#fail('unauthorized', 'the token has expired: come back with a new one');
      });
  }

  async #leave(): Promise<void> {
    const joined = this.#joined;
    if (joined === undefined) {
      this.#refuse('not-joined', 'join a room first', {});
      return;
    }
    this.#joined = undefined;
    const left = this.#context.bus.leave(joined.room, joined.member, 'left');
    this.#connection.close(CLOSE.normal, 'Left');
    await left;
  }

  /** Hands the message on at once. Everything here is synchronous, which is what keeps order. */
  #relay(message: OutgoingRelay, exact: string | undefined, started: number): void {
    const { bus, roomLimiter, clock, metrics } = this.#context;
    if (this.#joined === undefined) {
      this.#refuse('not-joined', 'join a room first', {});
      return;
    }
    const wait = roomLimiter.take(this.#joined.room, started);
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
      bus.send(target, frame);
      metrics.relayed(message.type, target.nodeId === bus.nodeId);
    }
    metrics.relayTook(clock.now() - started);
  }

  #depart({ room, member }: Joined, end: ConnectionEnd): Promise<void> {
    const { bus, isDraining } = this.#context;
    if (isDraining()) return bus.handOver(room, member);
    const reason = departure(end);
    return reason === 'lost' ? bus.detach(room, member) : bus.leave(room, member, reason);
  }

  #within(now: number): boolean {
    const wait = this.#rate.take(now);
    if (wait > 0) {
      this.#limited('connection', wait);
      return false;
    }
    const addressWait = this.#context.ipLimiter.take(this.#limitKey, now);
    if (addressWait > 0) this.#limited('ip', addressWait);
    return addressWait === 0;
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
function departure(end: ConnectionEnd): LeaveReason {
  if (end.by === 'peer') return LEAVING.has(end.code) ? 'left' : 'lost';
  // Its token ended while it was here: it may come back with a new one.
  if (end.code === CLOSE.unauthorized) return 'lost';
  // Who may come back after this code finds the place kept; who broke the rules does not.
  return (closeCodeInfo(end.code)?.retry ?? true) ? 'lost' : 'kicked';
}
