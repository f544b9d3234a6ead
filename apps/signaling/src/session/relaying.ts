import type { OutgoingRelay } from '@peerdeck/protocol';
import { receivedText, route } from '../rooms/relay.ts';
import type { RoomMember } from '../rooms/room.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import type { Refusals } from './refusals.ts';
import type { SessionContext } from './session.ts';

export interface RelayingOptions {
  readonly context: SessionContext;
  readonly trace: ConnectionTrace;
  readonly refusals: Refusals;
}

/** A message as it came, and from whom. */
export interface Sent {
  readonly room: string;
  readonly member: RoomMember;
  /** Its text, where that is fit to be passed on as it is. */
  readonly exact: string | undefined;
  readonly bytes: number;
  /** ms of the service's clock */
  readonly started: number;
}

/** Hands the messages of one member of `peerdeck.v2` on to those they are for. */
export class Relaying {
  readonly #options: RelayingOptions;

  constructor(options: RelayingOptions) {
    this.#options = options;
  }

  /** At once: everything here is synchronous, which is what keeps order. False: it was refused. */
  relay(message: OutgoingRelay, { room: roomId, member, exact, bytes, started }: Sent): boolean {
    const { context, refusals } = this.#options;
    const { bus, roomLimiter, metrics } = context;
    const wait = roomLimiter.take(roomId, started, bytes);
    if (wait > 0) {
      refusals.limited('room', wait);
      return false;
    }
    const room = bus.room(roomId);
    if (room === undefined) throw new Error('a member without a room');
    const routed = route(room, member, message.type, message.to);
    if (!routed.ok) {
      const field = routed.code === 'unknown-peer' || routed.code === 'to-required';
      // Whoever it refuses has left by itself: there is nothing to say to anybody.
      if (message.type === 'reject' && field) metrics.refused(routed.code);
      else refusals.refuse(routed.code, routed.message, field ? { field: 'to' } : {});
      return false;
    }
    const frame = receivedText(exact, message, member.peerId);
    for (const target of routed.targets) {
      if (bus.send(target, frame)) metrics.relayed(message.type, target.nodeId === bus.nodeId);
      else refusals.receiverLags();
      // It answers only those who hold a key of the room.
      if (message.type === 'answer' && target.role === 'viewer' && !target.admitted) {
        void bus.admit(roomId, target.peerId);
      }
    }
    this.#tookUntilNow(message, started);
    return true;
  }

  #tookUntilNow(message: OutgoingRelay, started: number): void {
    const { context, trace } = this.#options;
    const took = context.clock.now() - started;
    context.metrics.relayTook(took);
    if (context.settings.relayTraceRatio > 0) trace.relayed(message.type, took);
  }
}
