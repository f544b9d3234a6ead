import {
  CLOSE,
  ORIGINAL_PEER_DISCONNECTED,
  ORIGINAL_SCHEMA_ERROR,
  parseOriginalClientMessage,
  type SignalingErrorCode,
} from '@peerdeck/protocol';
import type { RoomEvent } from '../bus/bus.ts';
import type { Connection, ConnectionEnd } from '../socket/connection.ts';
import { roomTag } from '../base/log.ts';
import { others } from '../rooms/relay.ts';
import type { JoinRefusal, JoinRequest, RoomMember } from '../rooms/room.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import type { Span } from '../tracing/span.ts';
import { Entrance } from './entrance.ts';
import { Offences } from './offences.ts';
import { Pace } from './pace.ts';
import { nothing, type Session, type SessionContext, type SessionOptions } from './session.ts';

export interface OriginalSessionOptions extends SessionOptions {
  readonly room: string;
}

/**
 * A connection of the original protocol: it joins by its URL, nobody answers that, and what it
 * sends goes to the other members as it came. Its codes are what its clients know: a full room
 * closes with 1000, and what may work later with 1013.
 */
export class OriginalSession implements Session {
  readonly #context: SessionContext;
  readonly #connection: Connection;
  readonly #trace: ConnectionTrace;
  readonly #limitKey: string;
  readonly #onJoined: (connection: Connection) => void;
  readonly #room: string;
  readonly #token: string | undefined;
  readonly #pace: Pace;
  readonly #offences = new Offences();
  readonly #entrance: Entrance;
  /** Frames that come before the join is done wait for it. */
  readonly #ready: Promise<void>;
  #member: RoomMember | undefined;
  #ended = false;
  #cancelExpiry = nothing;

  constructor(options: OriginalSessionOptions) {
    const { context, connection, trace, limitKey, onJoined, room, token } = options;
    this.#context = context;
    this.#connection = connection;
    this.#trace = trace;
    this.#limitKey = limitKey;
    this.#onJoined = onJoined;
    this.#room = room;
    this.#token = token;
    const { messageRate, byteRate } = context.settings;
    this.#pace = new Pace({ clock: context.clock, messages: messageRate, bytes: byteRate });
    this.#entrance = new Entrance({ context, trace, version: 'original', limitKey });
    this.#ready = this.#join().catch((error: unknown) => {
      this.failed(error);
      connection.close(CLOSE.internal, 'Internal error');
    });
  }

  message(text: string, bytes: number): void | Promise<void> {
    const wait = this.#pace.come(bytes);
    if (wait > 0) return this.#slowed(text, bytes, wait);
    return this.#handle(text, bytes);
  }

  frame(frame: string): boolean {
    this.#connection.send(frame);
    return true;
  }

  event(event: RoomEvent): void {
    if (event.type === 'left') this.#connection.send(ORIGINAL_PEER_DISCONNECTED);
  }

  /** Places of the original protocol cannot be taken over. */
  replaced(): void {}

  /** Nobody removes members of these rooms. */
  removed(): void {
    this.lost();
  }

  lost(): void {
    this.#member = undefined;
    this.#connection.close(CLOSE.unavailable, 'Unavailable');
  }

  /** Its clients know no such message; the close code 1012 has to do. */
  drain(): void {}

  ended(_end: ConnectionEnd): void {
    this.#ended = true;
    this.#pace.close();
    this.#cancelExpiry();
    const member = this.#member;
    this.#member = undefined;
    if (member !== undefined) void this.#depart(member);
  }

  failed(error: unknown): void {
    this.#context.log.error({ ...this.#trace.mark, err: error }, 'session failed');
  }

  async #join(): Promise<void> {
    const kind = { name: 'join', role: 'peer', room: this.#room } as const;
    await this.#entrance.account(kind, (span) => this.#enter(span));
  }

  /** Answers with the result, as the metrics have it; `gone`: the client did not wait for it. */
  async #enter(span: Span): Promise<string> {
    const { bus, random, log } = this.#context;
    // Never within the constructor: whoever made the session could not hear of the end yet.
    await Promise.resolve();
    if (this.#entrance.wait(this.#room) > 0) {
      this.#connection.close(CLOSE.unavailable, 'Rate limited');
      return 'rate-limited';
    }
    if (this.#ended) return 'gone';
    const wanted = { room: this.#room, role: undefined };
    const entry = await this.#entrance.authenticate(this.#token, wanted, span);
    if (this.#ended) return 'gone';
    if (typeof entry !== 'function') return this.#turnAway(entry.code, entry.message);
    const request: JoinRequest = {
      room: this.#room,
      kind: 'original',
      role: 'peer',
      nodeId: bus.nodeId,
      connectionId: this.#connection.id,
      peerId: random.token(9),
      resume: '',
      origin: '',
    };
    const outcome = await bus.join(request, span);
    if (!outcome.ok) {
      if (outcome.code !== 'unavailable') this.#entrance.guessed(this.#room, false);
      return this.#turnAway(outcome.code);
    }
    // Who is first makes the room, as hosts do: one guess, however often it comes back to it.
    this.#entrance.guessed(this.#room, outcome.members.length > 1);
    if (this.#ended) {
      await this.#depart(outcome.member);
      return 'ok';
    }
    this.#member = outcome.member;
    this.#cancelExpiry = entry(() => {
      this.#connection.close(CLOSE.policy, 'Unauthorized: the token has expired, get a new one');
    });
    this.#onJoined(this.#connection);
    const room = roomTag(this.#room);
    log.info({ ...this.#trace.mark, peer: outcome.member.peerId, room }, 'joined');
    return 'ok';
  }

  /** `detail`: what helps whoever reads the reason; its first words stay as clients know them. */
  #turnAway(why: Refusal, detail?: string): Refusal {
    const { code, text } = REFUSALS[why];
    this.#connection.close(code, detail === undefined ? text : `${text}: ${detail}`);
    return why;
  }

  #handle(text: string, bytes: number): void | Promise<void> {
    if (this.#member !== undefined) {
      this.#relay(text, bytes, this.#member);
      return;
    }
    return this.#ready.then(() => {
      if (this.#member !== undefined) this.#relay(text, bytes, this.#member);
    });
  }

  async #slowed(text: string, bytes: number, wait: number): Promise<void> {
    this.#context.metrics.limited('connection');
    if (this.#pace.isFlood) {
      this.#connection.close(CLOSE.unavailable, 'Rate limited');
      return;
    }
    await this.#pace.hold(wait, bytes);
    await this.#handle(text, bytes);
  }

  #relay(text: string, bytes: number, member: RoomMember): void {
    const { bus, clock, metrics, ipLimiter, roomLimiter, settings } = this.#context;
    const started = clock.now();
    if (ipLimiter.take(this.#limitKey, started, bytes) > 0) return this.#limited('ip');
    if (roomLimiter.take(this.#room, started, bytes) > 0) return this.#limited('room');
    const parsed = parseOriginalClientMessage(text);
    if (!parsed.ok) {
      this.#refuse(parsed.error.code);
      return;
    }
    const { type } = parsed.message;
    metrics.received(type);
    const room = bus.room(this.#room);
    if (room === undefined) throw new Error('a member without a room');
    for (const target of others(room, member.peerId)) {
      bus.send(target, text);
      metrics.relayed(type, target.nodeId === bus.nodeId);
    }
    const took = clock.now() - started;
    metrics.relayTook(took);
    if (settings.relayTraceRatio > 0) this.#trace.relayed(type, took);
  }

  async #depart(member: RoomMember): Promise<void> {
    const { bus, isDraining } = this.#context;
    const reason = isDraining() ? 'drain' : 'left';
    const span = this.#trace.span.child('leave', { reason });
    if (reason === 'drain') await bus.handOver(this.#room, member, span);
    else await bus.leave(this.#room, member, reason, span);
    span.end();
  }

  #limited(scope: 'ip' | 'room'): void {
    this.#context.metrics.limited(scope);
    if (this.#offends('rate-limited')) this.#connection.close(CLOSE.unavailable, 'Rate limited');
  }

  #refuse(code: 'malformed' | 'unknown-type' | 'invalid-message' | 'too-large'): void {
    const tooMany = this.#offends(code);
    if (code === 'malformed') this.#connection.close(CLOSE.policy, 'Malformed message');
    else if (tooMany) this.#connection.close(CLOSE.policy, 'Too many malformed messages');
    else this.#connection.send(ORIGINAL_SCHEMA_ERROR);
  }

  /** Members of these rooms have no roles: each answers for what it sends. */
  #offends(code: SignalingErrorCode): boolean {
    const { clock, metrics } = this.#context;
    metrics.refused(code);
    return this.#offences.refused(code, { now: clock.now() }) === 'close';
  }
}

type Refusal = JoinRefusal | 'unavailable' | 'unauthorized' | 'forbidden';

const REFUSALS: Record<Refusal, { readonly code: number; readonly text: string }> = {
  'room-full': { code: CLOSE.normal, text: 'Room is full' },
  'wrong-room-kind': { code: CLOSE.policy, text: 'Invalid roomId' },
  'host-slot-taken': { code: CLOSE.policy, text: 'Forbidden' },
  unavailable: { code: CLOSE.unavailable, text: 'Unavailable' },
  unauthorized: { code: CLOSE.policy, text: 'Unauthorized' },
  forbidden: { code: CLOSE.policy, text: 'Forbidden' },
  kicked: { code: CLOSE.policy, text: 'Forbidden' },
};
