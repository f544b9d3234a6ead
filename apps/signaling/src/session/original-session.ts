import {
  CLOSE,
  ORIGINAL_PEER_DISCONNECTED,
  ORIGINAL_SCHEMA_ERROR,
  parseOriginalClientMessage,
} from '@peerdeck/protocol';
import type { AuthRefusal } from '../auth/authenticator.ts';
import type { RoomEvent } from '../bus/bus.ts';
import type { Connection, ConnectionEnd } from '../socket/connection.ts';
import { Gcra } from '../limits/limiter.ts';
import { roomTag } from '../base/log.ts';
import { others } from '../rooms/relay.ts';
import type { JoinRefusal, JoinRequest, RoomMember } from '../rooms/room.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import type { Span } from '../tracing/span.ts';
import {
  OFFENCES,
  nothing,
  notWatched,
  type Session,
  type SessionContext,
  type SessionOptions,
} from './session.ts';

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
  readonly #rate: Gcra;
  readonly #byteRate: Gcra;
  #offences: Gcra | undefined;
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
    this.#rate = new Gcra(context.settings.messageRate);
    this.#byteRate = new Gcra(context.settings.byteRate);
    this.#ready = this.#join().catch((error: unknown) => {
      this.failed(error);
      connection.close(CLOSE.internal, 'Internal error');
    });
  }

  message(text: string, bytes: number): void | Promise<void> {
    if (this.#member !== undefined) {
      this.#relay(text, bytes, this.#member);
      return;
    }
    return this.#ready.then(() => {
      if (this.#member !== undefined) this.#relay(text, bytes, this.#member);
    });
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

  lost(): void {
    this.#member = undefined;
    this.#connection.close(CLOSE.unavailable, 'Unavailable');
  }

  /** Its clients know no such message; the close code 1012 has to do. */
  drain(): void {}

  ended(_end: ConnectionEnd): void {
    this.#ended = true;
    this.#cancelExpiry();
    const member = this.#member;
    this.#member = undefined;
    if (member !== undefined) void this.#depart(member);
  }

  failed(error: unknown): void {
    this.#context.log.error({ ...this.#trace.mark, err: error }, 'session failed');
  }

  async #join(): Promise<void> {
    const { metrics, clock } = this.#context;
    const started = clock.now();
    const span = this.#trace.span.child('join', { role: 'peer', room: roomTag(this.#room) });
    try {
      const result = await this.#enter(span);
      if (result !== 'gone') metrics.joined('original', result);
      span.end({ result }, result === 'unavailable');
    } catch (error) {
      metrics.joined('original', 'error');
      span.end({ result: 'error' }, true);
      throw error;
    }
    if (this.#member !== undefined) metrics.joinTook('original', clock.now() - started);
  }

  /** Answers with the result, as the metrics have it; `gone`: the client did not wait for it. */
  async #enter(span: Span): Promise<string> {
    const { bus, random, log } = this.#context;
    if (!(await this.#mayTry())) return 'rate-limited';
    if (this.#ended) return 'gone';
    const entry = await this.#authenticate(span);
    if (typeof entry === 'string') return entry;
    const request: JoinRequest = {
      room: this.#room,
      kind: 'original',
      role: 'peer',
      nodeId: bus.nodeId,
      connectionId: this.#connection.id,
      peerId: random.token(9),
      resume: '',
    };
    const outcome = await bus.join(request, span);
    if (!outcome.ok) {
      if (outcome.code !== 'unavailable') this.#guessed(false);
      const { code, text } = REFUSALS[outcome.code];
      this.#connection.close(code, text);
      return outcome.code;
    }
    // Who is first makes the room, as hosts do: one guess, however often it comes back to it.
    this.#guessed(outcome.members.length > 1);
    if (this.#ended) {
      await this.#depart(outcome.member);
      return 'ok';
    }
    this.#member = outcome.member;
    this.#cancelExpiry = entry();
    this.#onJoined(this.#connection);
    const room = roomTag(this.#room);
    log.info({ ...this.#trace.mark, peer: outcome.member.peerId, room }, 'joined');
    return 'ok';
  }

  /** Answers with what starts the watch over the token's end, or why there is no entry. */
  async #authenticate(span: Span): Promise<'gone' | AuthRefusal | (() => () => void)> {
    const { auth } = this.#context;
    if (auth === undefined) return notWatched;
    const wanted = { room: this.#room, role: undefined };
    const checked = span.child('authenticate');
    const decision = await auth.decide(this.#token, wanted, 'original');
    checked.end({ result: decision.ok ? 'ok' : decision.code });
    if (this.#ended) return 'gone';
    if (!decision.ok) {
      if (decision.code === 'forbidden') this.#guessed(false);
      const { code, text } = REFUSALS[decision.code];
      this.#connection.close(code, text);
      return decision.code;
    }
    return () =>
      auth.untilEnd(decision.grant, 'original', () => {
        this.#connection.close(CLOSE.policy, 'Unauthorized');
      });
  }

  async #mayTry(): Promise<boolean> {
    const { guesses, clock, metrics } = this.#context;
    const wait = guesses.wait(this.#limitKey, this.#room, clock.now());
    // Never within the constructor: whoever made the session could not hear of the end yet.
    await Promise.resolve();
    if (wait <= 0) return true;
    metrics.limited('guesses');
    this.#connection.close(CLOSE.unavailable, 'Rate limited');
    return false;
  }

  /** Whether the join led to somebody. */
  #guessed(found: boolean): void {
    const { guesses, clock } = this.#context;
    if (found) guesses.found(this.#limitKey, this.#room);
    else guesses.missed(this.#limitKey, this.#room, clock.now());
  }

  #relay(text: string, bytes: number, member: RoomMember): void {
    const { bus, clock, metrics, ipLimiter, roomLimiter, settings } = this.#context;
    const started = clock.now();
    if (this.#rate.take(started) > 0 || this.#byteRate.take(started, bytes) > 0) {
      return this.#limited('connection');
    }
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

  #offence(now: number): number {
    this.#offences ??= new Gcra(OFFENCES);
    return this.#offences.take(now);
  }

  #limited(scope: 'connection' | 'ip' | 'room'): void {
    const { clock, metrics } = this.#context;
    metrics.limited(scope);
    metrics.refused('rate-limited');
    if (this.#offence(clock.now()) > 0) {
      this.#connection.close(CLOSE.unavailable, 'Rate limited');
    }
  }

  #refuse(code: 'malformed' | 'unknown-type' | 'invalid-message' | 'too-large'): void {
    const { clock, metrics } = this.#context;
    metrics.refused(code);
    if (code === 'malformed') this.#connection.close(CLOSE.policy, 'Malformed message');
    else if (this.#offence(clock.now()) > 0) {
      this.#connection.close(CLOSE.policy, 'Too many malformed messages');
    } else this.#connection.send(ORIGINAL_SCHEMA_ERROR);
  }
}

const REFUSALS: Record<
  JoinRefusal | 'unavailable' | 'unauthorized' | 'forbidden',
  { readonly code: number; readonly text: string }
> = {
  'room-full': { code: CLOSE.normal, text: 'Room is full' },
  'wrong-room-kind': { code: CLOSE.policy, text: 'Invalid roomId' },
  'host-slot-taken': { code: CLOSE.policy, text: 'Forbidden' },
  unavailable: { code: CLOSE.unavailable, text: 'Unavailable' },
  unauthorized: { code: CLOSE.policy, text: 'Unauthorized' },
  forbidden: { code: CLOSE.policy, text: 'Forbidden' },
};
