import type { RegistryCounts } from '../../rooms/room-registry.ts';
import type { BusListener } from '../bus.ts';
import { HeldBudget } from './held-budget.ts';
import { RoomMirror } from './room-mirror.ts';
import type { Store } from './store.ts';

export interface MirrorsOptions {
  readonly nodeId: string;
  readonly detachMs: number;
  readonly store: Store;
  /** A frame found no place. */
  readonly onDropped: () => void;
  /** The mirror and Redis do not agree: bring them together. */
  readonly onStale: (mirror: RoomMirror) => void;
}

/** The rooms in which this node has members, and in which of them each of its connections is. */
export class Mirrors {
  listener: BusListener | undefined;
  readonly #options: MirrorsOptions;
  readonly #mirrors = new Map<string, RoomMirror>();
  readonly #budget = new HeldBudget();
  /** Where the connections of this node are, or are about to be. */
  readonly #places = new Map<string, RoomMirror>();
  /** As the listener; whoever lost its place has none here either. */
  readonly #outlet: BusListener = {
    frame: (connectionId, frame) => this.listener?.frame(connectionId, frame) ?? true,
    event: (connectionId, event) => this.listener?.event(connectionId, event),
    replaced: (connectionId) => {
      this.displace(connectionId);
      this.listener?.replaced(connectionId);
    },
    removed: (connectionId, why) => {
      this.displace(connectionId);
      this.listener?.removed(connectionId, why);
    },
    lost: (connectionId) => {
      this.displace(connectionId);
      this.listener?.lost(connectionId);
    },
  };

  constructor(options: MirrorsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#mirrors.size;
  }

  all(): RoomMirror[] {
    return [...this.#mirrors.values()];
  }

  find(room: string): RoomMirror | undefined {
    return this.#mirrors.get(room);
  }

  /** The mirror of the room, made if there is none. */
  of(id: string): RoomMirror {
    const known = this.#mirrors.get(id);
    if (known !== undefined) return known;
    const { nodeId, detachMs, onStale, onDropped } = this.#options;
    const mirror = new RoomMirror({
      ...{ id, nodeId, detachMs, onStale, onDropped },
      listener: this.#outlet,
      budget: this.#budget,
    });
    this.#mirrors.set(id, mirror);
    return mirror;
  }

  /** Lets go of a room in which this node has nobody. */
  forget(mirror: RoomMirror): void {
    if (mirror.busy || mirror.dirty || mirror.own().length > 0) return;
    if (this.#mirrors.get(mirror.id) !== mirror) return;
    this.#mirrors.delete(mirror.id);
    mirror.clear();
    const { store, nodeId } = this.#options;
    store.removeRoom(nodeId, mirror.id).catch(() => {});
  }

  place(connectionId: string, mirror: RoomMirror): void {
    this.#places.set(connectionId, mirror);
  }

  displace(connectionId: string): void {
    this.#places.delete(connectionId);
  }

  placeOf(connectionId: string): RoomMirror | undefined {
    return this.#places.get(connectionId);
  }

  counts(): RegistryCounts {
    const rooms = { original: 0, v2: 0 };
    const members = { connected: 0, detached: 0 };
    for (const mirror of this.#mirrors.values()) {
      const own = mirror.own();
      if (own.length > 0 && mirror.room !== undefined) rooms[mirror.room.kind] += 1;
      for (const { state } of own) members[state] += 1;
    }
    return { rooms, members };
  }

  clear(): void {
    for (const mirror of this.#mirrors.values()) mirror.clear();
    this.#mirrors.clear();
    this.#places.clear();
  }
}
