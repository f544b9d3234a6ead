import type { Lease } from './lease.ts';
import type { RedisMetrics } from './metrics.ts';
import type { RoomAnswer, Store } from './store.ts';

export interface ReaperOptions {
  readonly store: Store;
  readonly lease: Lease;
  readonly nodeId: string;
  readonly metrics: () => RedisMetrics;
  /** Between two batches: a dead node may have left more than a lease is long. */
  readonly onBatch: () => Promise<void>;
  /** Tells everybody of the changes of a room. */
  readonly onReaped: (room: string, answer: RoomAnswer) => void;
}

/** Rooms of a dead node that are looked after at a time. */
const BATCH = 200;

/** Frees the places that dead nodes left behind. What several nodes do at once does no harm. */
export class Reaper {
  readonly #options: ReaperOptions;

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  /** All rooms of every node that is overdue and has no lease. */
  async sweep(): Promise<void> {
    const { store, lease, nodeId, onBatch } = this.#options;
    if (!lease.mayReap) return;
    for (const node of await store.overdueNodes()) {
      if (node === nodeId || (await store.lease(node)) !== undefined) continue;
      for (;;) {
        const rooms = await store.someRooms(node, BATCH);
        if (rooms.length === 0) break;
        await Promise.all(rooms.map((room) => this.reap(room, node)));
        await onBatch();
        if (!lease.mayReap) return;
      }
      await store.forgetNode(node);
    }
  }

  /** Frees the places of dead nodes in a room that is full; whether there were any. */
  async makeRoom(room: string, nodes: Iterable<string>): Promise<boolean> {
    const { store, lease, nodeId } = this.#options;
    if (!lease.mayReap) return false;
    const suspects = [...new Set(nodes)].filter((node) => node !== nodeId);
    const freed = await Promise.all(
      suspects.map(async (node) => {
        if ((await store.lease(node)) !== undefined) return false;
        return (await this.reap(room, node)) > 0;
      }),
    );
    return freed.includes(true);
  }

  async reap(room: string, nodeId: string): Promise<number> {
    const { store, metrics, onReaped } = this.#options;
    const claim = { room, nodeId, kind: 'v2', hostKey: undefined, maxViewers: undefined } as const;
    const answer = await store.sync({ ...claim, members: [] });
    await store.removeRoom(nodeId, room);
    if (answer.changes.length > 0) {
      metrics().happened('reaped', answer.changes.length);
      onReaped(room, answer);
    }
    return answer.changes.length;
  }
}
