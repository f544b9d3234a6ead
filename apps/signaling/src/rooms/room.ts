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
/** Why a member is out of a room that it would have stayed in. */
export type Removal = 'kicked' | 'evicted';

export interface RoomMember {
  readonly peerId: string;
  readonly role: MemberRole;
  /** Where its socket is. */
  readonly nodeId: string;
  readonly connectionId: string;
  /** The bearer secret that lets another connection take this place; '' where there is none. */
  readonly resume: string;
  readonly state: 'connected' | 'detached';
  /** The host said that it holds a key of the room. */
  readonly admitted: boolean;
  /** Tells members of one address from those of others, and says no address. */
  readonly origin: string;
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
  readonly origin: string;
}

export interface RoomLimits {
  readonly originalCapacity: number;
  readonly maxMembers: number;
}

export type JoinRefusal = 'room-full' | 'host-slot-taken' | 'wrong-room-kind' | 'kicked';

export type JoinDecision =
  | {
      readonly ok: true;
      readonly member: RoomMember;
      readonly resumed: boolean;
      /** The connection that lost its place: the same member's old one, or another host's. */
      readonly replaced?: RoomMember;
      /** The member that proved nothing and gave way to this one. */
      readonly evicted?: RoomMember;
    }
  | { readonly ok: false; readonly code: JoinRefusal };

/**
 * Viewers of a room that have proven nothing: who knows a room's id, and no more, gets no further
 * than among these.
 */
export const MAX_UNPROVEN = 16;

/** Addresses that a room keeps out; more, and the one that has least time left may come again. */
export const MAX_BLOCKED = 64;

export class Room {
  readonly id: string;
  readonly kind: RoomKind;
  readonly #members = new Map<string, RoomMember>();
  #host: RoomMember | undefined;
  #hostKey: string | undefined;
  #maxViewers: number | undefined;
  /** Until when an origin is kept out, in the milliseconds of whoever asks. */
  readonly #blocked = new Map<string, number>();

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

  join(request: JoinRequest, limits: RoomLimits, now: number): JoinDecision {
    if (request.kind !== this.kind) return { ok: false, code: 'wrong-room-kind' };
    const resumed = this.#resume(request);
    if (resumed !== undefined) return resumed;
    if (request.role === 'host') return this.#joinHost(request);
    if (this.blocks(request.origin, now)) return { ok: false, code: 'kicked' };
    const others = this.#members.size - (this.#host === undefined ? 0 : 1);
    if (request.role === 'peer') {
      return others < limits.originalCapacity
        ? this.#enter(request)
        : { ok: false, code: 'room-full' };
    }
    return this.#joinViewer(request, others < limits.maxMembers - 1);
  }

  /** Its place is kept from now on. Answers with the member, or undefined if there is no such viewer. */
  admit(peerId: string): RoomMember | undefined {
    const member = this.#members.get(peerId);
    if (member?.role !== 'viewer') return undefined;
    return member.admitted ? member : this.#put({ ...member, admitted: true });
  }

  /** Keeps the origin out until then. */
  block(origin: string, until: number, now: number): void {
    for (const [key, end] of this.#blocked) if (end <= now) this.#blocked.delete(key);
    this.#blocked.set(origin, Math.max(until, this.#blocked.get(origin) ?? 0));
    if (this.#blocked.size <= MAX_BLOCKED) return;
    const [soonest] = [...this.#blocked].reduce((one, other) => (other[1] < one[1] ? other : one));
    this.#blocked.delete(soonest);
  }

  blocks(origin: string, now: number): boolean {
    return (this.#blocked.get(origin) ?? 0) > now;
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

  /** Among those who have proven nothing: if they are too many, one of them gives way. */
  #joinViewer(request: JoinRequest, hasPlace: boolean): JoinDecision {
    const unproven = [...this.#members.values()].filter(
      ({ role, admitted }) => role === 'viewer' && !admitted,
    );
    if (hasPlace && unproven.length < MAX_UNPROVEN) return this.#enter(request);
    const evicted = givesWay(unproven, request.origin);
    if (evicted === undefined) return { ok: false, code: 'room-full' };
    this.#remove(evicted);
    return { ...this.#enter(request), evicted };
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
    const { peerId, role, nodeId, connectionId, resume, origin } = request;
    const member = this.#put({
      ...{ peerId, role, nodeId, connectionId, resume, origin },
      ...{ state: 'connected', admitted: false },
    });
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

/**
 * The one that came first of the origin that has most here, whoever comes now included: who comes
 * from one address pushes out its own, however often it comes.
 */
function givesWay(unproven: readonly RoomMember[], comes: string): RoomMember | undefined {
  const counts = new Map([[comes, 1]]);
  for (const { origin } of unproven) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const of = (member: RoomMember) => counts.get(member.origin) ?? 0;
  let found: RoomMember | undefined;
  for (const member of unproven) {
    if (found === undefined || of(member) > of(found)) found = member;
  }
  return found;
}

/** In the same time wherever they differ. */
function sameSecret(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
