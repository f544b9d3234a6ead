import {
  Room,
  type JoinDecision,
  type JoinRequest,
  type RoomKind,
  type RoomLimits,
  type RoomMember,
} from './room.ts';

export interface RegistryOptions {
  readonly limits: RoomLimits;
  /** How long a lost member's place is kept. */
  readonly detachMs: number;
  /** How long an empty room stays bound to its host's key. */
  readonly emptyRoomMs: number;
  /**
   * Most empty rooms that are remembered. The oldest is forgotten first: its host has been away
   * longest, and a forgotten binding is taken again by the next host that brings the same key.
   */
  readonly maxEmptyRooms: number;
}

export interface RegistryCounts {
  readonly rooms: Readonly<Record<RoomKind, number>>;
  readonly members: { readonly connected: number; readonly detached: number };
}

export interface Expired {
  readonly room: Room;
  readonly member: RoomMember;
}

/**
 * All rooms, and when what is kept in them ends. Pure: the caller brings the time, in
 * milliseconds of any monotonic clock.
 */
export class RoomRegistry {
  readonly #options: RegistryOptions;
  readonly #rooms = new Map<string, Room>();
  /** Deadlines by peer id. The grace is one constant, so insertion order is deadline order. */
  readonly #detached = new Map<string, { room: Room; connectionId: string; deadline: number }>();
  /** Deadlines of the empty rooms, in the same way. */
  readonly #empty = new Map<string, number>();
  #members = 0;
  #originalRooms = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get(room: string): Room | undefined {
    return this.#rooms.get(room);
  }

  join(request: JoinRequest, now: number): JoinDecision {
    const known = this.#rooms.get(request.room);
    const room = known ?? new Room(request.room, request.kind);
    const before = room.members.size;
    const decision = room.join(request, this.#options.limits, now);
    if (!decision.ok) return decision;
    if (known === undefined) this.#add(room);
    this.#empty.delete(room.id);
    this.#members += room.members.size - before;
    if (decision.replaced !== undefined) this.#detached.delete(decision.replaced.peerId);
    if (decision.evicted !== undefined) this.#detached.delete(decision.evicted.peerId);
    return decision;
  }

  leave(roomId: string, peerId: string, connectionId: string, now: number): RoomMember | undefined {
    const room = this.#rooms.get(roomId);
    const member = room?.leave(peerId, connectionId);
    if (room === undefined || member === undefined) return undefined;
    this.#members -= 1;
    this.#detached.delete(peerId);
    if (room.members.size === 0) this.#emptied(room, now);
    return member;
  }

  detach(
    roomId: string,
    peerId: string,
    connectionId: string,
    now: number,
  ): RoomMember | undefined {
    const room = this.#rooms.get(roomId);
    const member = room?.detach(peerId, connectionId);
    if (room === undefined || member === undefined) return undefined;
    this.#detached.set(peerId, { room, connectionId, deadline: now + this.#options.detachMs });
    return member;
  }

  admit(roomId: string, peerId: string): void {
    this.#rooms.get(roomId)?.admit(peerId);
  }

  /** Takes a viewer out, and keeps its origin out for `blockMs`. */
  kick(
    roomId: string,
    peerId: string,
    { blockMs, now }: { readonly blockMs: number; readonly now: number },
  ): RoomMember | undefined {
    const room = this.#rooms.get(roomId);
    const member = room?.members.get(peerId);
    if (room === undefined || member?.role !== 'viewer') return undefined;
    if (blockMs > 0) room.block(member.origin, now + blockMs, now);
    return this.leave(roomId, peerId, member.connectionId, now);
  }

  /** Every room that is bound to a key, and until when if nobody comes; the oldest first. */
  *bindings(now: number): Generator<{ room: string; hostKey: string; until: number }> {
    for (const [room, until] of this.#empty) {
      const hostKey = this.#rooms.get(room)?.hostKey;
      if (hostKey !== undefined) yield { room, hostKey, until };
    }
    for (const { id: room, hostKey, members } of this.#rooms.values()) {
      if (hostKey === undefined || members.size === 0) continue;
      yield { room, hostKey, until: now + this.#options.emptyRoomMs };
    }
  }

  /** An empty room that an earlier process knew. In the order of `until`, before any join. */
  restore({ room, hostKey, until }: { room: string; hostKey: string; until: number }): void {
    if (this.#rooms.has(room) || this.#empty.size >= this.#options.maxEmptyRooms) return;
    const bound = new Room(room, 'v2');
    bound.bind(hostKey, undefined);
    this.#add(bound);
    this.#empty.set(room, until);
  }

  /** Removes what is over at `now`, and names the members that did not come back. */
  expire(now: number): Expired[] {
    const expired: Expired[] = [];
    for (const [peerId, { room, connectionId, deadline }] of this.#detached) {
      if (deadline > now) break;
      const member = this.leave(room.id, peerId, connectionId, now);
      if (member !== undefined) expired.push({ room, member });
    }
    for (const [roomId, deadline] of this.#empty) {
      if (deadline > now) break;
      this.#forget(roomId);
    }
    return expired;
  }

  /** When `expire` has something to do next; undefined while nothing ends by itself. */
  nextDeadline(): number | undefined {
    const detached = this.#detached.values().next().value?.deadline;
    const empty = this.#empty.values().next().value;
    if (detached === undefined || empty === undefined) return detached ?? empty;
    return Math.min(detached, empty);
  }

  counts(): RegistryCounts {
    const detached = this.#detached.size;
    const v2 = this.#rooms.size - this.#originalRooms - this.#empty.size;
    return {
      rooms: { original: this.#originalRooms, v2 },
      members: { connected: this.#members - detached, detached },
    };
  }

  #add(room: Room): void {
    this.#rooms.set(room.id, room);
    if (room.kind === 'original') this.#originalRooms += 1;
  }

  #emptied(room: Room, now: number): void {
    if (room.hostKey === undefined) {
      this.#rooms.delete(room.id);
      if (room.kind === 'original') this.#originalRooms -= 1;
      return;
    }
    this.#empty.set(room.id, now + this.#options.emptyRoomMs);
    if (this.#empty.size <= this.#options.maxEmptyRooms) return;
    const oldest = this.#empty.keys().next().value;
    if (oldest !== undefined) this.#forget(oldest);
  }

  /** Only rooms of v2 have a host key and are kept when empty. */
  #forget(roomId: string): void {
    this.#empty.delete(roomId);
    this.#rooms.delete(roomId);
  }
}
