import { timingSafeEqual } from 'node:crypto';
import type { PeerRole } from '@peerdeck/protocol';

/*
 * What a room decides: who gets in, who is replaced, who has left. Pure: no clock, no socket.
 * The memory bus lets it decide; a bus over several nodes mirrors a room's members in it.
 */

/** Rooms of the original protocol have neither roles nor places that are kept. */
export type RoomKind = 'original' | 'v2';
export type MemberRole = PeerRole | 'peer';
export type LeaveReason = 'left' | 'lost' | 'replaced' | 'kicked';

export interface RoomMember {
  readonly peerId: string;
  readonly role: MemberRole;
  /** Where its socket is. */
  readonly nodeId: string;
  readonly connectionId: string;
  /** The bearer secret that lets another connection take this place; '' where there is none. */
  readonly resume: string;
  readonly state: 'connected' | 'detached';
}

export interface JoinRequest {
  readonly room: string;
  readonly kind: RoomKind;
  readonly role: MemberRole;
  readonly nodeId: string;
  readonly connectionId: string;
  /** Taken unless the join resumes a member, which keeps its own. */
  readonly peerId: string;
  readonly resume: string;
  /** The token that the client presented. */
  readonly resumeFrom?: string;
  /** The host's public key, its signature over this connection's challenge already verified. */
  readonly hostKey?: string;
  readonly maxViewers?: number;
}

export interface RoomLimits {
  readonly originalCapacity: number;
  readonly maxMembers: number;
}

export type JoinRefusal = 'room-full' | 'host-slot-taken' | 'wrong-room-kind';

export type JoinDecision =
  | {
      readonly ok: true;
      readonly member: RoomMember;
      readonly resumed: boolean;
      /** The connection that lost its place: the same member's old one, or another host's. */
      readonly replaced?: RoomMember;
    }
  | { readonly ok: false; readonly code: JoinRefusal };

export class Room {
  readonly id: string;
  readonly kind: RoomKind;
  readonly #members = new Map<string, RoomMember>();
  #host: RoomMember | undefined;
  #hostKey: string | undefined;
  #maxViewers: number | undefined;

  constructor(id: string, kind: RoomKind) {
    this.id = id;
    this.kind = kind;
  }

  get members(): ReadonlyMap<string, RoomMember> {
    return this.#members;
  }

  get host(): RoomMember | undefined {
    return this.#host;
  }

  /** The key that the host slot is bound to, from the first join that brought one. */
  get hostKey(): string | undefined {
    return this.#hostKey;
  }

  get maxViewers(): number | undefined {
    return this.#maxViewers;
  }

  /** For a bus that mirrors a room which is decided elsewhere, as the others here. */
  bind(hostKey: string | undefined, maxViewers: number | undefined): void {
    this.#hostKey = hostKey;
    this.#maxViewers = maxViewers;
  }

  copy(): Room {
    const copy = new Room(this.id, this.kind);
    copy.bind(this.#hostKey, this.#maxViewers);
    for (const member of this.#members.values()) copy.put(member);
    return copy;
  }

  /** Adds the member, or changes it. */
  put(member: RoomMember): void {
    this.#put(member);
  }

  remove(peerId: string): void {
    const member = this.#members.get(peerId);
    if (member !== undefined) this.#remove(member);
  }

  join(request: JoinRequest, limits: RoomLimits): JoinDecision {
    if (request.kind !== this.kind) return { ok: false, code: 'wrong-room-kind' };
    const resumed = this.#resume(request);
    if (resumed !== undefined) return resumed;
    if (request.role === 'host') return this.#joinHost(request);
    const others = this.#members.size - (this.#host === undefined ? 0 : 1);
    return others < this.#places(request.role, limits)
      ? this.#enter(request)
      : { ok: false, code: 'room-full' };
  }

  /** Only the connection that holds the place may give it up. */
  leave(peerId: string, connectionId: string): RoomMember | undefined {
    const member = this.#members.get(peerId);
    if (member?.connectionId !== connectionId) return undefined;
    this.#remove(member);
    return member;
  }

  /** The member's connection is lost; its place is kept. */
  detach(peerId: string, connectionId: string): RoomMember | undefined {
    const member = this.#members.get(peerId);
    if (member?.connectionId !== connectionId || member.state === 'detached') return undefined;
    return this.#put({ ...member, state: 'detached' });
  }

  #places(role: MemberRole, limits: RoomLimits): number {
    if (role === 'peer') return limits.originalCapacity;
    // The host's place is always kept free.
    const most = limits.maxMembers - 1;
    return Math.min(this.#maxViewers ?? most, most);
  }

  #resume(request: JoinRequest): JoinDecision | undefined {
    const token = request.resumeFrom;
    if (token === undefined || token === '') return undefined;
    for (const old of this.#members.values()) {
      if (old.role !== request.role || !sameSecret(old.resume, token)) continue;
      const { nodeId, connectionId } = request;
      const member = this.#put({ ...old, nodeId, connectionId, state: 'connected' });
      if (request.maxViewers !== undefined) this.#maxViewers = request.maxViewers;
      return { ok: true, member, resumed: true, replaced: old };
    }
    return undefined;
  }

  #joinHost(request: JoinRequest): JoinDecision {
    const old = this.#host;
    const sameKey = this.#hostKey !== undefined && request.hostKey === this.#hostKey;
    // A slot without a key is nobody's in particular: a host that lost its connection, and its
    // token with it, must not lock itself out.
    const free = this.#hostKey === undefined && (old === undefined || old.state === 'detached');
    if (!sameKey && !free) return { ok: false, code: 'host-slot-taken' };
    if (old !== undefined) this.#remove(old);
    this.#hostKey ??= request.hostKey;
    this.#maxViewers = request.maxViewers;
    return { ...this.#enter(request), ...(old === undefined ? {} : { replaced: old }) };
  }

  #enter(request: JoinRequest): Extract<JoinDecision, { ok: true }> {
    const { peerId, role, nodeId, connectionId, resume } = request;
    const member = this.#put({ peerId, role, nodeId, connectionId, resume, state: 'connected' });
    return { ok: true, member, resumed: false };
  }

  #put(member: RoomMember): RoomMember {
    this.#members.set(member.peerId, member);
    if (member.role === 'host') this.#host = member;
    return member;
  }

  #remove(member: RoomMember): void {
    this.#members.delete(member.peerId);
    if (this.#host?.peerId === member.peerId) this.#host = undefined;
  }
}

/** In the same time wherever they differ. */
function sameSecret(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
