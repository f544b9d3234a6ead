import type { Ledger } from '../limits/ledger.ts';
import type { RegistryCounts } from '../rooms/room-registry.ts';
import type {
  JoinRefusal,
  JoinRequest,
  LeaveReason,
  Removal,
  Room,
  RoomMember,
} from '../rooms/room.ts';
import type { Span } from '../tracing/span.ts';

/*
 * Where rooms live, and how a frame reaches a member. Above this interface nothing knows
 * whether a room is on one node or on many. None of its promises rejects: a backend that fails is
 * an outcome of the join, and of the rest it is the bus's own to catch up with. What a join or a
 * leave waits for hangs from the `span` it is given.
 */

/** What the others hear of it. */
export const REMOVALS: Readonly<Record<Removal, LeaveReason>> = {
  kicked: 'kicked',
  evicted: 'lost',
};

/** What changes for the members of a room; told to each but the one that caused it. */
export type RoomEvent =
  | { readonly type: 'joined'; readonly member: RoomMember }
  | { readonly type: 'detached'; readonly member: RoomMember; readonly graceMs: number }
  | { readonly type: 'resumed'; readonly member: RoomMember }
  | { readonly type: 'left'; readonly member: RoomMember; readonly reason: LeaveReason };

export type JoinOutcome =
  | {
      readonly ok: true;
      readonly member: RoomMember;
      readonly resumed: boolean;
      /** All members at the moment of the join, the new one included. */
      readonly members: readonly RoomMember[];
    }
  | {
      readonly ok: false;
      readonly code: JoinRefusal | 'unavailable';
      readonly retryAfterMs?: number;
    };

/** The node's side: it owns the sockets. Called synchronously, and must not throw. */
export interface BusListener {
  /**
   * A frame for one of this node's connections, to be written as it is. False: it was not taken,
   * since its receiver lags.
   */
  frame(connectionId: string, frame: string): boolean;
  event(connectionId: string, event: RoomEvent): void;
  /** Another connection took this one's place. */
  replaced(connectionId: string): void;
  /** The place is gone: the host does not want the member, or it proved nothing and gave way. */
  removed(connectionId: string, why: Removal): void;
  /** The place is gone through no fault of the client, which may come back. */
  lost(connectionId: string): void;
}

export interface BusHealth {
  readonly ready: boolean;
  /** Why not, for /readyz. */
  readonly detail: string;
}

export interface Bus {
  readonly kind: string;
  readonly nodeId: string;

  /** Where nodes settle what their limits let through; none where there is but one node. */
  readonly ledger?: Ledger;

  /** Resolves when joins can be answered, or after a bounded wait if that is not so yet. */
  start(): Promise<void>;

  /** Before any join. */
  listen(listener: BusListener): void;

  /** Frames and events for the connection may reach the listener before the promise resolves. */
  join(request: JoinRequest, span?: Span): Promise<JoinOutcome>;

  /** Gives a place up; does nothing if the connection does not hold it (any more). */
  leave(room: string, member: RoomMember, reason: LeaveReason, span?: Span): Promise<void>;

  /** The host answers for the viewer: its place does not give way to others any more. */
  admit(room: string, peerId: string, span?: Span): Promise<void>;

  /** The host removes the viewer, and keeps its origin out of the room for so long. */
  kick(room: string, peerId: string, blockMs: number, span?: Span): Promise<void>;

  /** Keeps the place for the grace period; then the others hear that the member is lost. */
  detach(room: string, member: RoomMember, span?: Span): Promise<void>;

  /** The node goes away, not the member: another node may have the place, and nobody is told. */
  handOver(room: string, member: RoomMember, span?: Span): Promise<void>;

  /** The room as this node knows it: synchronous, for the message path awaits nothing. */
  room(room: string): Room | undefined;

  /**
   * Hands a frame on. Never awaits; a frame for a member that has just left is dropped. False: its
   * receiver lags and did not take it, as far as this node can tell.
   */
  send(to: RoomMember, frame: string): boolean;

  health(): BusHealth;
  counts(): RegistryCounts;

  /** Idempotent. Tells nobody anything: the places outlive the node where the backend can. */
  close(): Promise<void>;
}
