import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { RegistryCounts } from '../../rooms/room-registry.ts';
import type { JoinRequest, LeaveReason, Room, RoomLimits, RoomMember } from '../../rooms/room.ts';
import type { Logger } from '../../base/log.ts';
import type { Span } from '../../tracing/span.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { Bus, BusHealth, BusListener, JoinOutcome } from '../bus.ts';
import { Joins } from './joins.ts';
import { Lease } from './lease.ts';
import { Link } from './link.ts';
import type { RedisMetrics } from './metrics.ts';
import { Mirrors } from './mirrors.ts';
import { Notices } from './notices.ts';
import { RedisLedger } from './redis-ledger.ts';
import { Reaper } from './reaper.ts';
import { Reconciler } from './reconciler.ts';
import { departing } from './room-mirror.ts';
import { Standing } from './standing.ts';
import { Store, type RoomAnswer } from './store.ts';
import { Trouble } from './trouble.ts';
import { Upkeep } from './upkeep.ts';
import { encodeFrame, type How } from './wire.ts';

export interface RedisBusOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly tracing: Pick<Tracing, 'start'>;
  /** Asked for late: metrics want to know about the bus too. */
  readonly metrics: () => RedisMetrics;
  readonly limits: RoomLimits;
  readonly detachMs: number;
  /** How long an empty room stays bound to its host's key. */
  readonly emptyRoomMs: number;
  /** How long a room is kept that no node renews. */
  readonly roomTtlMs: number;
  readonly urls: readonly string[];
  readonly cluster: boolean;
  /** First part of every key and channel. */
  readonly prefix: string;
  /** How long a node that does not renew counts as alive. */
  readonly leaseMs: number;
  /** How long an answer of Redis is awaited. */
  readonly timeoutMs: number;
  /** How often a room is compared with Redis, and renewed there, when all is well. */
  readonly syncEveryMs?: number;
}

const SYNC_EVERY_MS = 60_000;
const CLOSE_MS = 1000;

/**
 * Rooms on many nodes. Redis decides who is in a room; each node mirrors the rooms of its own
 * members, so that the message path asks nobody: a member on this node costs Redis nothing, one
 * on another node a message to that node's channel.
 */
export class RedisBus implements Bus {
  readonly kind = 'redis';
  readonly nodeId: string;
  readonly ledger: RedisLedger;
  readonly #options: RedisBusOptions;
  readonly #link: Link;
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #standing: Standing;
  readonly #mirrors: Mirrors;
  readonly #notices: Notices;
  readonly #upkeep: Upkeep;
  readonly #joins: Joins;
  /** What ends the wait for a member that is away, by connection. */
  readonly #graces = new Map<string, () => void>();
  #closing: Promise<void> | undefined;

  constructor(options: RedisBusOptions) {
    const { nodeId, clock, random, log, metrics, timeoutMs, leaseMs, limits } = options;
    const { urls, cluster, prefix, emptyRoomMs, roomTtlMs, detachMs, tracing } = options;
    const { syncEveryMs = SYNC_EVERY_MS } = options;
    this.#options = options;
    this.nodeId = nodeId;
    const wake = () => this.#upkeep.wake();
    const stayAlive = () => this.#upkeep.stayAlive();
    const link = (this.#link = new Link({
      ...{ urls, cluster, clock, random, metrics, timeoutMs },
      channel: `${prefix}:node:${nodeId}`,
      onItem: (text) => this.#notices.received(text),
      onReady: wake,
      onGap: () => this.#missed(),
      onError: (error) => this.#standing.failed(error),
    }));
    this.ledger = new RedisLedger({ link, prefix });
    const store = (this.#store = new Store({
      ...{ link, nodeId, prefix, limits, leaseMs, roomTtlMs, emptyRoomMs },
    }));
    const lease = (this.#lease = new Lease({ store, clock, leaseMs, value: random.token(12) }));
    const troubles = new Trouble(clock, log);
    const standing = (this.#standing = new Standing({ link, lease, troubles, random, leaseMs }));
    const mirrors = (this.#mirrors = new Mirrors({
      ...{ nodeId, detachMs, store },
      onDropped: () => metrics().dropped(1),
      onStale: (stale) => {
        stale.dirty = true;
        void reconciler.resync(stale);
      },
    }));
    const notices = (this.#notices = new Notices({ nodeId, link, store, mirrors, tracing }));
    const known = { nodeId, clock, store, lease, mirrors, notices, standing, metrics, leaseMs };
    const reconciler = new Reconciler({
      ...{ ...known, syncEveryMs, onLost: wake, onBatch: stayAlive },
    });
    const reaper = new Reaper({
      ...{ store, lease, nodeId, metrics, onBatch: stayAlive },
      onReaped: (room, answer) => {
        notices.announce(room, answer);
        const { version, changes } = answer;
        mirrors.find(room)?.received({ type: 'notice', notice: { room, version, changes } });
      },
    });
    this.#upkeep = new Upkeep({ ...known, log, link, reconciler, reaper });
    this.#joins = new Joins({ ...known, limits, reconciler, reaper, onLost: wake });
  }

  get breaker() {
    return this.#link.breaker.state;
  }

  async start(): Promise<void> {
    this.#link.start();
    await this.#upkeep.ready(this.#options.timeoutMs * 2);
  }

  listen(listener: BusListener): void {
    this.#mirrors.listener = listener;
  }

  join(request: JoinRequest, span?: Span): Promise<JoinOutcome> {
    return this.#joins.join(request, span);
  }

  admit(room: string, peerId: string, span?: Span): Promise<void> {
    return this.#change(room, peerId, 'admitted', () => this.#store.admit(room, peerId, span));
  }

  kick(room: string, peerId: string, blockMs: number, span?: Span): Promise<void> {
    const ask = () => this.#store.kick(room, peerId, blockMs, span);
    return this.#change(room, peerId, 'kicked', ask);
  }

  leave(room: string, member: RoomMember, reason: LeaveReason, span?: Span): Promise<void> {
    this.#mirrors.displace(member.connectionId);
    return this.#depart(room, member, reason, span);
  }

  async detach(roomId: string, member: RoomMember, span?: Span): Promise<void> {
    const { clock, detachMs } = this.#options;
    if (detachMs === 0) return this.leave(roomId, member, 'lost', span);
    const { connectionId } = member;
    this.#mirrors.displace(connectionId);
    const cancel = clock.after(detachMs, () => {
      this.#graces.delete(connectionId);
      void this.#depart(roomId, member, 'lost');
    });
    this.#graces.set(connectionId, cancel);
    await this.#depart(roomId, member, 'detached', span);
  }

  handOver(room: string, member: RoomMember, span?: Span): Promise<void> {
    this.#mirrors.displace(member.connectionId);
    return this.#depart(room, member, 'released', span);
  }

  room(room: string): Room | undefined {
    return this.#mirrors.find(room)?.room;
  }

  send(to: RoomMember, frame: string): boolean {
    if (to.nodeId === this.nodeId) {
      return this.#mirrors.listener?.frame(to.connectionId, frame) ?? true;
    }
    if (this.#lease.lapsed) this.#options.metrics().dropped(1);
    else this.#link.publish(this.#store.channel(to.nodeId), encodeFrame(to.connectionId, frame));
    return true;
  }

  health(): BusHealth {
    return this.#standing.health;
  }

  counts(): RegistryCounts {
    return this.#mirrors.counts();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Places are given back, and the lease lives as long as somebody may return to one. */
  async #close(): Promise<void> {
    this.#standing.close();
    this.#upkeep.stop();
    for (const cancel of this.#graces.values()) cancel();
    this.#graces.clear();
    this.#mirrors.listener = undefined;
    let cancel = () => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(CLOSE_MS, resolve);
    });
    await Promise.race([this.#sayGoodbye().catch(() => {}), deadline]);
    cancel();
    this.#link.close();
    this.#mirrors.clear();
    this.#upkeep.close();
  }

  async #sayGoodbye(): Promise<void> {
    if (!this.#link.breaker.closed) return;
    let kept = false;
    const releases = this.#mirrors.all().flatMap((mirror) =>
      mirror.own().map((member) => {
        kept ||= mirror.room?.kind === 'v2';
        return member.state === 'detached'
          ? Promise.resolve()
          : this.#depart(mirror.id, member, 'released');
      }),
    );
    await Promise.all(releases);
    const keptMs = kept ? this.#options.detachMs + CLOSE_MS : 0;
    await this.#store.endLease(this.#lease.value, keptMs);
  }

  /** What the host has done to a viewer; without Redis, what this node can do alone. */
  async #change(
    roomId: string,
    peerId: string,
    how: 'admitted' | 'kicked',
    ask: () => Promise<RoomAnswer>,
  ): Promise<void> {
    const mirror = this.#mirrors.find(roomId);
    await mirror?.run(async () => {
      const member = mirror.room?.members.get(peerId);
      if (mirror.room === undefined || member?.role !== 'viewer') return;
      const alone = () => {
        mirror.assume([{ how, member: { ...member, admitted: true } }], '');
      };
      if (!this.#standing.good) return alone();
      try {
        const answer = await ask();
        mirror.adopt({ ...answer, kind: mirror.room.kind }, '');
        this.#notices.announce(roomId, answer);
      } catch (error) {
        this.#standing.failed(error);
        alone();
      }
    });
  }

  async #depart(roomId: string, member: RoomMember, how: How, span?: Span): Promise<void> {
    const { peerId, connectionId } = member;
    const mirror = this.#mirrors.find(roomId);
    if (how !== 'detached') {
      this.#graces.get(connectionId)?.();
      this.#graces.delete(connectionId);
    }
    await mirror?.run(async () => {
      const { room } = mirror;
      const current = room?.members.get(peerId);
      if (room === undefined || current?.connectionId !== connectionId) return;
      const alone = () => {
        mirror.assume([departing(current, how, room.kind)], connectionId);
      };
      if (!this.#standing.good) return alone();
      try {
        const answer = await this.#store.leave(roomId, member, how, span);
        // Taken over meanwhile, or not known there at all.
        const elsewhere = answer.members.some((member) => member.peerId === peerId);
        if (!answer.ok && !elsewhere) return alone();
        mirror.adopt({ ...answer, kind: room.kind }, connectionId);
        this.#notices.announce(roomId, answer, span);
      } catch (error) {
        this.#standing.failed(error);
        alone();
      }
    });
    if (mirror !== undefined) this.#mirrors.forget(mirror);
  }

  /** Something for this node may be lost, the first word of somebody in a room of its own too. */
  #missed(): void {
    this.#options.metrics().happened('resubscribed');
    for (const mirror of this.#mirrors.all()) {
      if (mirror.hasOthers) mirror.dirty = true;
      else mirror.doubtful = true;
    }
    this.#upkeep.wake();
  }
}
