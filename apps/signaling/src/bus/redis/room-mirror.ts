import { REMOVALS, type RoomEvent, type BusListener } from '../bus.ts';
import { Room, type LeaveReason, type RoomKind, type RoomMember } from '../../rooms/room.ts';
import type { HeldBudget } from './held-budget.ts';
import type { RoomAnswer } from './store.ts';
import { remains, type Change, type How, type Item, type RoomNotice } from './wire.ts';

export interface RoomMirrorOptions {
  readonly id: string;
  readonly nodeId: string;
  readonly detachMs: number;
  readonly listener: BusListener;
  /** Shared by all mirrors of the node. */
  readonly budget: HeldBudget;
  /** A frame found no place while an answer of Redis was awaited. */
  readonly onDropped: () => void;
  /** The mirror and Redis do not agree: bring them together. */
  readonly onStale: (mirror: RoomMirror) => void;
}

/**
 * What other nodes say while an answer of Redis is awaited: so many of each kind, and so many bytes
 * of frames. Over that frames are dropped, and a room that missed a notice is compared.
 */
const MAX_HELD = 1024;
const MAX_HELD_BYTES = 4 * 2 ** 20;

/**
 * A room in which this node has members, as Redis had it last. What Redis answers and other nodes
 * tell goes in, what members of this node have to hear comes out. One thing is asked of Redis at
 * a time, and what the other nodes say meanwhile is kept in order behind the answer.
 */
export class RoomMirror {
  readonly id: string;
  readonly #options: RoomMirrorOptions;
  #room: Room | undefined;
  #version = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #busy = 0;
  readonly #held: Item[] = [];
  readonly #heldOf = { frame: 0, notice: 0, bytes: 0 };
  /** Redis may not have what this node has: to be brought together when it answers again. */
  dirty = false;
  /** A word of another node may not have been heard: to be compared by its version. */
  doubtful = false;
  /** By the clock of the bus. */
  syncedAt = 0;

  constructor(options: RoomMirrorOptions) {
    this.#options = options;
    this.id = options.id;
  }

  get room(): Room | undefined {
    return this.#room;
  }

  get version(): number {
    return this.#version;
  }

  get busy(): boolean {
    return this.#busy > 0;
  }

  /** Members whose place this node looks after, those that are away included. */
  own(): RoomMember[] {
    const { nodeId } = this.#options;
    const own: RoomMember[] = [];
    for (const member of this.#room?.members.values() ?? []) {
      if (member.nodeId === nodeId) own.push(member);
    }
    return own;
  }

  get hasOthers(): boolean {
    const { nodeId } = this.#options;
    for (const member of this.#room?.members.values() ?? []) {
      if (member.nodeId !== nodeId) return true;
    }
    return false;
  }

  /** One after the other. */
  run<T>(task: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    const done = this.#tail.then(task).finally(() => {
      this.#busy -= 1;
      if (this.#busy === 0) this.#release();
    });
    this.#tail = done.catch(() => {});
    return done;
  }

  received(item: Item): void {
    if (this.#busy === 0) this.#take(item);
    else if (this.#hold(item)) this.#held.push(item);
    else if (item.type === 'notice') this.dirty = true;
    else this.#options.onDropped();
  }

  /** Nobody is left here whom what waits could reach. */
  clear(): void {
    this.#held.length = 0;
    this.#options.budget.give(this.#heldOf.bytes);
    Object.assign(this.#heldOf, { frame: 0, notice: 0, bytes: 0 });
  }

  #hold(item: Item): boolean {
    const held = this.#heldOf;
    const bytes = heldBytes(item);
    if (held[item.type] >= MAX_HELD || held.bytes + bytes > MAX_HELD_BYTES) return false;
    if (!this.#options.budget.take(bytes)) return false;
    held[item.type] += 1;
    held.bytes += bytes;
    return true;
  }

  /**
   * What Redis answered: the whole room, and what this node's own command changed in it.
   * `settling`: data was lost, so that members of other nodes may only be missing until these
   * have asserted them, and new ones may be undone.
   */
  adopt(answer: RoomAnswer, cause: string, settling = false): void {
    const { version, kind, hostKey, maxViewers, changes, members } = answer;
    if (kind === undefined) return;
    const first = this.#room === undefined;
    this.#room ??= new Room(this.id, kind);
    this.#room.bind(hostKey, maxViewers);
    if (version < this.#version) return;
    const next = version === this.#version + 1 && changes.length > 0;
    if (next) this.#apply(changes, cause);
    else if (first) for (const member of members) this.#room.put(member);
    else this.#apply(this.#difference(answer, settling), cause);
    this.#version = version;
  }

  /** While Redis does not answer: what this node knows for itself. */
  assume(changes: readonly Change[], cause: string): void {
    this.dirty = true;
    this.#apply(changes, cause);
  }

  /** Redis has no place for these members of this node any more. */
  evict(peerIds: readonly string[]): void {
    const room = this.#room;
    for (const peerId of peerIds) {
      const member = room?.members.get(peerId);
      if (room === undefined || member === undefined) continue;
      room.remove(peerId);
      this.#tell(room, { type: 'left', member, reason: 'lost' });
      if (member.state === 'connected') this.#options.listener.lost(member.connectionId);
    }
  }

  #release(): void {
    while (this.#busy === 0) {
      const item = this.#held.shift();
      if (item === undefined) return;
      const bytes = heldBytes(item);
      this.#heldOf[item.type] -= 1;
      this.#heldOf.bytes -= bytes;
      this.#options.budget.give(bytes);
      this.#take(item);
    }
  }

  #take(item: Item): void {
    if (item.type === 'frame') {
      this.#options.listener.frame(item.connectionId, item.frame);
      return;
    }
    const { version, changes }: RoomNotice = item.notice;
    if (this.#room === undefined || version <= this.#version) return;
    if (version > this.#version + 1) {
      // Something was missed.
      this.#options.onStale(this);
      return;
    }
    this.#version = version;
    this.#apply(changes, '');
  }

  #difference({ members, gone }: RoomAnswer, settling: boolean): Change[] {
    const room = this.#room;
    if (room === undefined) return [];
    const hows = new Map<string, How>(gone);
    const changes: Change[] = [];
    const there = new Set(members.map(({ peerId }) => peerId));
    for (const member of room.members.values()) {
      if (there.has(member.peerId)) continue;
      const how = hows.get(member.peerId);
      if (how === undefined && settling && member.nodeId !== this.#options.nodeId) continue;
      changes.push({ member, how: how === undefined || inRoom(how) ? 'lost' : how });
    }
    for (const member of members) {
      const old = room.members.get(member.peerId);
      if (old === undefined) {
        // A join that ran into the loss is undone by its node: nobody hears of it.
        const doubtful = settling && member.nodeId !== this.#options.nodeId;
        if (!doubtful) changes.push({ member, how: 'joined' });
      } else if (old.connectionId !== member.connectionId) changes.push({ member, how: 'resumed' });
      else if (old.state !== member.state) {
        const how = hows.get(member.peerId) === 'released' ? 'released' : 'detached';
        changes.push({ member, how: member.state === 'detached' ? how : 'resumed' });
      } else if (old.admitted !== member.admitted) changes.push({ member, how: 'admitted' });
    }
    return changes;
  }

  #apply(changes: readonly Change[], cause: string): void {
    const room = this.#room;
    if (room === undefined) return;
    for (const change of changes) this.#applyOne(room, change, cause);
  }

  #applyOne(room: Room, change: Change, cause: string): void {
    const { nodeId, listener, onStale } = this.#options;
    const { member, how } = change;
    const old = room.members.get(member.peerId);
    const mine = old?.nodeId === nodeId && old.state === 'connected';
    if (remains(change, room.kind)) {
      if (mine && old.connectionId === member.connectionId && member.state === 'detached') {
        // Only this node can know that; its own word comes with the cause.
        if (cause !== member.connectionId) return onStale(this);
      }
      room.put(member);
      if (mine && old.connectionId !== member.connectionId) {
        listener.replaced(old.connectionId);
      }
      const news = old?.connectionId !== member.connectionId || old.state !== member.state;
      if (news) this.#tell(room, eventOf(how, member, this.#options.detachMs));
      return;
    }
    if (old === undefined) return;
    const meant = how === 'replaced' || how === 'kicked' || how === 'evicted';
    if (mine && cause !== old.connectionId && !meant) {
      // Another node took this one for dead.
      onStale(this);
      return;
    }
    room.remove(member.peerId);
    if (mine && how === 'replaced') listener.replaced(old.connectionId);
    else if (mine && (how === 'kicked' || how === 'evicted') && cause !== old.connectionId) {
      listener.removed(old.connectionId, how);
    }
    this.#tell(room, eventOf(how, old, this.#options.detachMs));
  }

  #tell(room: Room, event: RoomEvent | undefined): void {
    if (event === undefined) return;
    const { nodeId, listener } = this.#options;
    for (const member of room.members.values()) {
      if (member.nodeId !== nodeId || member.state !== 'connected') continue;
      if (member.peerId !== event.member.peerId) listener.event(member.connectionId, event);
    }
  }
}

/** A character of a text may take two. */
function heldBytes(item: Item): number {
  return item.type === 'frame' ? item.frame.length * 2 : 0;
}

function inRoom(how: How): boolean {
  return how === 'joined' || how === 'resumed' || how === 'detached' || how === 'admitted';
}

function eventOf(how: How, member: RoomMember, graceMs: number): RoomEvent | undefined {
  switch (how) {
    case 'joined':
    case 'resumed':
      return { type: how, member };
    case 'detached':
      return { type: how, member, graceMs };
    case 'admitted':
    case 'released':
      return undefined;
    case 'evicted':
      return { type: 'left', member, reason: REMOVALS[how] };
    default:
      return { type: 'left', member, reason: how satisfies LeaveReason };
  }
}

/** What a member's going is to a room of the kind. */
export function departing(member: RoomMember, how: How, kind: RoomKind): Change {
  const change: Change = { how, member };
  return remains(change, kind) ? { how, member: { ...member, state: 'detached' } } : change;
}
