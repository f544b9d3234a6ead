import type { Clock } from '../../base/clock.ts';
import type { Lease } from './lease.ts';
import type { RedisMetrics } from './metrics.ts';
import type { Mirrors } from './mirrors.ts';
import type { Notices } from './notices.ts';
import type { RoomMirror } from './room-mirror.ts';
import type { Standing } from './standing.ts';
import type { Store } from './store.ts';

export interface ReconcilerOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly lease: Lease;
  readonly mirrors: Mirrors;
  readonly notices: Notices;
  readonly standing: Standing;
  readonly metrics: () => RedisMetrics;
  readonly leaseMs: number;
  /** How often a room is compared with Redis, and renewed there, when all is well. */
  readonly syncEveryMs: number;
  /** The lease was found missing. */
  readonly onLost: () => void;
  /** Between two batches: many rooms take longer than a lease. */
  readonly onBatch: () => Promise<void>;
}

/** Rooms that are brought together with Redis at a time. */
const BATCH = 200;

/** Brings what this node knows of its rooms and what Redis has of them together. */
export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** As soon as the room is free, if Redis can be asked at all. */
  async resync(mirror: RoomMirror): Promise<void> {
    const { standing, mirrors, metrics } = this.#options;
    if (!standing.good) return;
    metrics().happened('resynced');
    await mirror.run(() => this.sync(mirror)).catch((error: unknown) => standing.failed(error));
    mirrors.forget(mirror);
  }

  /** Inside `run`: brings Redis and the mirror together. */
  async sync(mirror: RoomMirror): Promise<void> {
    const { store, lease, nodeId, clock, notices, onLost } = this.#options;
    const { room } = mirror;
    const members = mirror.own();
    mirror.dirty = false;
    try {
      const [answer, held] = await Promise.all([
        store.sync({
          room: mirror.id,
          nodeId,
          kind: room?.kind ?? 'v2',
          hostKey: room?.hostKey,
          maxViewers: room?.maxViewers,
          members,
        }),
        store.lease(nodeId),
        members.length > 0 ? store.addRoom(mirror.id) : undefined,
      ]);
      // Without its lease, what Redis has of the other nodes may be lost as well.
      const lost = held !== lease.value;
      if (lost) {
        lease.distrust();
        onLost();
      }
      const there = new Set(answer.members.map(({ peerId }) => peerId));
      mirror.evict(answer.refused.filter((peerId) => !there.has(peerId)));
      const settling = lost || lease.settlingMs > 0;
      if (room !== undefined) mirror.adopt(answer, '', settling);
      const shared = answer.members.some((member) => member.nodeId !== nodeId);
      if (settling && (shared || mirror.hasOthers)) mirror.dirty = true;
      mirror.syncedAt = clock.now();
      notices.announce(mirror.id, answer);
    } catch (error) {
      mirror.dirty = true;
      throw error;
    }
  }

  /** All rooms, whatever is known of them. */
  async syncEvery(): Promise<void> {
    await this.#inBatches(this.#options.mirrors.all(), (mirror) => this.sync(mirror));
  }

  /** Those that are known not to agree, those that may not, and those that were not asked for long. */
  async syncDue(): Promise<void> {
    const all = this.#options.mirrors.all();
    const dirty = all.filter((mirror) => mirror.dirty);
    await this.#inBatches(dirty, (mirror) => this.sync(mirror));
    const doubtful = all.filter((mirror) => mirror.doubtful);
    await this.#inBatches(doubtful, (mirror) => this.#compare(mirror));
    await this.#inBatches(this.#due(all), (mirror) => this.#compare(mirror));
  }

  /** Rooms that nothing was heard of for long: some at a time, so that they do not stay in step. */
  #due(mirrors: readonly RoomMirror[]): RoomMirror[] {
    const { clock, leaseMs, syncEveryMs } = this.#options;
    const before = clock.now() - syncEveryMs;
    const ticks = syncEveryMs / (leaseMs / 4);
    const most = Math.max(BATCH, Math.ceil((2 * mirrors.length) / ticks));
    return mirrors.filter(({ busy, syncedAt }) => !busy && syncedAt < before).slice(0, most);
  }

  /** Inside `run`: most of the time Redis has the room as it is here, which is soon asked. */
  async #compare(mirror: RoomMirror): Promise<void> {
    mirror.doubtful = false;
    try {
      if (!mirror.dirty && (await this.#options.store.renew(mirror.id, mirror.version))) {
        mirror.syncedAt = this.#options.clock.now();
        return;
      }
      await this.sync(mirror);
    } catch (error) {
      mirror.doubtful = true;
      throw error;
    }
  }

  async #inBatches(
    mirrors: readonly RoomMirror[],
    bring: (mirror: RoomMirror) => Promise<void>,
  ): Promise<void> {
    for (let first = 0; first < mirrors.length; first += BATCH) {
      const batch = mirrors.slice(first, first + BATCH);
      await Promise.all(batch.map((mirror) => mirror.run(() => bring(mirror))));
      for (const mirror of batch) this.#options.mirrors.forget(mirror);
      await this.#options.onBatch();
    }
  }
}
