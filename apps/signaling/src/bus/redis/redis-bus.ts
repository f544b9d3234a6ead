import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { RegistryCounts } from '../../rooms/room-registry.ts';
import type { JoinRequest, LeaveReason, Room, RoomLimits, RoomMember } from '../../rooms/room.ts';
import { roomTag, type Logger } from '../../base/log.ts';
import { NO_SPAN, type Span } from '../../tracing/span.ts';
import { parseTraceParent } from '../../tracing/trace-parent.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { Bus, BusHealth, BusListener, JoinOutcome } from '../bus.ts';
import { Lease } from './lease.ts';
import { Link, RedisUnavailable } from './link.ts';
import type { RedisMetrics } from './metrics.ts';
import { RedisLedger } from './redis-ledger.ts';
import { Reaper } from './reaper.ts';
import { departing, RoomMirror } from './room-mirror.ts';
import { Store, type RoomAnswer } from './store.ts';
import { Trouble } from './trouble.ts';
import { decodeItem, encodeFrame, encodeNotice, type How, type RoomNotice } from './wire.ts';

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
  readonly emptyRoomMs: number;
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

const ROOM_TTL_MS = 600_000;
const SYNC_EVERY_MS = 60_000;
const SYNC_BATCH = 200;
const CLOSE_MS = 1000;
/** Until Redis is asked again that did not answer. */
const RETRY_MS = 20;

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
  readonly #reaper: Reaper;
  readonly #mirrors = new Map<string, RoomMirror>();
  /** Where the connections of this node are, or are about to be. */
  readonly #places = new Map<string, RoomMirror>();
  /** What ends the wait for a member that is away, by connection. */
  readonly #graces = new Map<string, () => void>();
  #listener: BusListener | undefined;
  /** As the listener; whoever lost its place has none here either. */
  readonly #outlet: BusListener = {
    frame: (connectionId, frame) => this.#listener?.frame(connectionId, frame),
    event: (connectionId, event) => this.#listener?.event(connectionId, event),
    replaced: (connectionId) => {
      this.#places.delete(connectionId);
      this.#listener?.replaced(connectionId);
    },
    lost: (connectionId) => {
      this.#places.delete(connectionId);
      this.#listener?.lost(connectionId);
    },
  };
  #cancelTick: (() => void) | undefined;
  #ticking = false;
  #again = false;
  readonly #troubles: Trouble;
  #closing: Promise<void> | undefined;
  #whenReady: (() => void)[] = [];

  constructor(options: RedisBusOptions) {
    const { nodeId, clock, random, metrics, timeoutMs, leaseMs } = options;
    this.#options = options;
    this.nodeId = nodeId;
    this.#troubles = new Trouble(clock, options.log);
    const { urls, cluster, prefix, limits, emptyRoomMs } = options;
    this.#link = new Link({
      ...{ urls, cluster, clock, random, metrics, timeoutMs },
      channel: `${prefix}:node:${nodeId}`,
      onItem: (text) => this.#received(text),
      onReady: () => this.#wake(),
      onGap: () => this.#missed(),
      onError: (error) => this.#failed(error),
    });
    this.ledger = new RedisLedger({ link: this.#link, prefix });
    const roomTtlMs = Math.max(ROOM_TTL_MS, emptyRoomMs);
    this.#store = new Store({
      ...{ link: this.#link, nodeId, prefix, limits, leaseMs, roomTtlMs, emptyRoomMs },
    });
    this.#lease = new Lease({ store: this.#store, clock, leaseMs, value: random.token(12) });
    this.#reaper = new Reaper({
      ...{ store: this.#store, lease: this.#lease, nodeId, metrics },
      onBatch: () => this.#stayAlive(),
      onReaped: (room, answer) => {
        this.#announce(room, answer);
        const { version, changes } = answer;
        const notice = { room, version, changes };
        this.#mirrors.get(room)?.received({ type: 'notice', notice });
      },
    });
  }

  get breaker() {
    return this.#link.breaker.state;
  }

  async start(): Promise<void> {
    this.#link.start();
    if (this.health().ready) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(this.#options.timeoutMs * 2, resolve);
      this.#whenReady.push(() => {
        cancel();
        resolve();
      });
    });
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  async join(request: JoinRequest, span?: Span): Promise<JoinOutcome> {
    const known = this.#mirrors.get(request.room);
    const wait = this.#wait(known);
    if (wait !== undefined && known?.room === undefined) return unavailable(wait);
    const mirror = this.#mirror(request.room);
    this.#places.set(request.connectionId, mirror);
    const hashed = hashTokens(request);
    const outcome = await mirror.run(() => this.#join(mirror, hashed, span));
    if (!outcome.ok) {
      this.#places.delete(request.connectionId);
      this.#forget(mirror);
      return outcome;
    }
    const resume = outcome.resumed ? (request.resumeFrom ?? '') : request.resume;
    return { ...outcome, member: { ...outcome.member, resume } };
  }

  leave(room: string, member: RoomMember, reason: LeaveReason, span?: Span): Promise<void> {
    this.#places.delete(member.connectionId);
    return this.#depart(room, member, reason, span);
  }

  async detach(roomId: string, member: RoomMember, span?: Span): Promise<void> {
    const { clock, detachMs } = this.#options;
    if (detachMs === 0) return this.leave(roomId, member, 'lost', span);
    this.#places.delete(member.connectionId);
    const { connectionId } = member;
    const cancel = clock.after(detachMs, () => {
      this.#graces.delete(connectionId);
      void this.#depart(roomId, member, 'lost');
    });
    this.#graces.set(connectionId, cancel);
    await this.#depart(roomId, member, 'detached', span);
  }

  handOver(room: string, member: RoomMember, span?: Span): Promise<void> {
    this.#places.delete(member.connectionId);
    return this.#depart(room, member, 'released', span);
  }

  room(room: string): Room | undefined {
    return this.#mirrors.get(room)?.room;
  }

  send(to: RoomMember, frame: string): void {
    if (to.nodeId === this.nodeId) this.#listener?.frame(to.connectionId, frame);
    else if (this.#lease.lapsed) this.#options.metrics().dropped(1);
    else this.#link.publish(this.#store.channel(to.nodeId), encodeFrame(to.connectionId, frame));
  }

  health(): BusHealth {
    const detail = this.#trouble();
    return { ready: detail === undefined, detail: detail ?? 'ok' };
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

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Places are given back, and the lease lives as long as somebody may return to one. */
  async #close(): Promise<void> {
    const { clock, detachMs } = this.#options;
    this.#cancelTick?.();
    for (const cancel of this.#graces.values()) cancel();
    this.#graces.clear();
    this.#listener = undefined;
    let kept = false;
    const goodbye = async () => {
      if (!this.#link.breaker.closed) return;
      const releases = [...this.#mirrors.values()].flatMap((mirror) =>
        mirror.own().map((member) => {
          kept ||= mirror.room?.kind === 'v2';
          return member.state === 'detached'
            ? Promise.resolve()
            : this.#depart(mirror.id, member, 'released');
        }),
      );
      await Promise.all(releases);
      await this.#store.endLease(this.#lease.value, kept ? detachMs + CLOSE_MS : 0);
    };
    let cancel = () => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = clock.after(CLOSE_MS, resolve);
    });
    await Promise.race([goodbye().catch(() => {}), deadline]);
    cancel();
    this.#link.close();
    this.#mirrors.clear();
    this.#places.clear();
    for (const resolve of this.#whenReady.splice(0)) resolve();
  }

  async #join(mirror: RoomMirror, request: JoinRequest, span?: Span): Promise<JoinOutcome> {
    const wait = this.#wait(mirror);
    if (wait !== undefined) return this.#joinAlone(mirror, request, wait);
    try {
      let answer = await this.#ask(mirror, request, span);
      if (answer === undefined) return unavailable(this.#options.leaseMs / 4);
      if (!answer.ok && (await this.#makeRoom(mirror, answer))) {
        answer = (await this.#ask(mirror, request, span)) ?? answer;
      }
      if (!answer.ok) return { ok: false, code: answer.code ?? 'unavailable' };
      return this.#joined(mirror, request, answer, span);
    } catch (error) {
      // It may have been done: the next comparison undoes that.
      this.#soil(mirror);
      this.#failed(error);
      return this.#joinAlone(mirror, request, this.#retryMs());
    }
  }

  /** undefined: the node's lease is gone, so that Redis has lost more than that perhaps. */
  async #ask(
    mirror: RoomMirror,
    request: JoinRequest,
    span?: Span,
  ): Promise<RoomAnswer | undefined> {
    const [lease, , answer] = await Promise.all([
      this.#store.lease(this.nodeId),
      mirror.room === undefined ? this.#store.addRoom(mirror.id) : undefined,
      this.#store.join(request, span),
    ]);
    if (lease === this.#lease.value) return answer;
    this.#lease.distrust();
    this.#options.metrics().happened('lease-lost');
    this.#soil(mirror);
    this.#wake();
    return undefined;
  }

  #joined(mirror: RoomMirror, request: JoinRequest, answer: RoomAnswer, span?: Span): JoinOutcome {
    mirror.adopt(answer, request.connectionId);
    mirror.syncedAt = this.#options.clock.now();
    this.#announce(mirror.id, answer, span);
    const member = answer.members.find(({ peerId }) => peerId === answer.peer);
    if (member === undefined) throw new RedisUnavailable('an answer without the member');
    return { ok: true, member, resumed: answer.resumed === true, members: answer.members };
  }

  /** Without Redis: a room whose members are all here goes on as on a single node. */
  #joinAlone(mirror: RoomMirror, request: JoinRequest, wait: number): JoinOutcome {
    const { room } = mirror;
    if (room === undefined || mirror.hasOthers || mirror.own().length === 0) {
      return unavailable(wait);
    }
    const trial = room.copy();
    const decision = trial.join(request, this.#options.limits);
    if (!decision.ok) return decision;
    const { member, resumed, replaced } = decision;
    room.bind(trial.hostKey, trial.maxViewers);
    if (replaced !== undefined && !resumed) {
      mirror.assume([{ how: 'replaced', member: replaced }], '');
    }
    mirror.assume([{ how: resumed ? 'resumed' : 'joined', member }], request.connectionId);
    return { ok: true, member, resumed, members: [...room.members.values()] };
  }

  async #makeRoom(mirror: RoomMirror, { members, code }: RoomAnswer): Promise<boolean> {
    if (code === 'wrong-room-kind') return false;
    const ghosts = members.some(
      ({ nodeId, peerId }) => nodeId === this.nodeId && !mirror.room?.members.has(peerId),
    );
    if (ghosts) await this.#sync(mirror);
    const nodes = members.map(({ nodeId }) => nodeId);
    return (await this.#reaper.makeRoom(mirror.id, nodes)) || ghosts;
  }

  async #depart(roomId: string, member: RoomMember, how: How, span?: Span): Promise<void> {
    const { peerId, connectionId } = member;
    const mirror = this.#mirrors.get(roomId);
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
      if (this.#lease.fenced || !this.#link.breaker.closed) return alone();
      try {
        const answer = await this.#store.leave(roomId, member, how, span);
        // Taken over meanwhile, or not known there at all.
        const elsewhere = answer.members.some((member) => member.peerId === peerId);
        if (!answer.ok && !elsewhere) return alone();
        mirror.adopt({ ...answer, kind: room.kind }, connectionId);
        this.#announce(roomId, answer, span);
      } catch (error) {
        this.#failed(error);
        alone();
      }
    });
    if (mirror !== undefined) this.#forget(mirror);
  }

  /** To every other node that has members in the room, or had. */
  #announce(room: string, { version, changes, nodes }: RoomAnswer, span = NO_SPAN): void {
    if (changes.length === 0) return;
    const { traceParent } = span;
    const text = encodeNotice({ room, version, changes, traceParent });
    for (const node of nodes) {
      if (node !== this.nodeId) this.#link.publish(this.#store.channel(node), text);
    }
  }

  #received(text: string): void {
    const item = decodeItem(text);
    if (item === undefined) return;
    if (item.type === 'notice') {
      const mirror = this.#mirrors.get(item.notice.room);
      const span = this.#heard(item.notice);
      mirror?.received(item);
      span.end();
      if (mirror !== undefined) this.#forget(mirror);
      return;
    }
    const mirror = this.#places.get(item.connectionId);
    if (mirror === undefined) this.#listener?.frame(item.connectionId, item.frame);
    else mirror.received(item);
  }

  /** What another node did, in the trace of whoever had it done. */
  #heard({ room, changes, traceParent }: RoomNotice): Span {
    const parent = parseTraceParent(traceParent);
    if (parent === undefined) return NO_SPAN;
    const attributes = { room: roomTag(room), change: changes[0]?.how ?? 'none' };
    return this.#options.tracing.start('notice', { parent, attributes });
  }

  #mirror(id: string): RoomMirror {
    let mirror = this.#mirrors.get(id);
    if (mirror === undefined) {
      mirror = new RoomMirror({
        ...{ id, nodeId: this.nodeId, detachMs: this.#options.detachMs },
        listener: this.#outlet,
        onStale: (stale) => {
          this.#soil(stale);
          void this.#resync(stale);
        },
      });
      this.#mirrors.set(id, mirror);
    }
    return mirror;
  }

  #soil(mirror: RoomMirror): void {
    mirror.dirty = true;
  }

  /** Lets go of a room in which this node has nobody. */
  #forget(mirror: RoomMirror): void {
    if (mirror.busy || mirror.dirty || mirror.own().length > 0) return;
    if (this.#mirrors.get(mirror.id) !== mirror) return;
    this.#mirrors.delete(mirror.id);
    this.#store.removeRoom(this.nodeId, mirror.id).catch(() => {});
  }

  async #resync(mirror: RoomMirror): Promise<void> {
    if (this.#lease.fenced || !this.#link.breaker.closed) return;
    this.#options.metrics().happened('resynced');
    await mirror.run(() => this.#sync(mirror)).catch((error: unknown) => this.#failed(error));
    this.#forget(mirror);
  }

  /** Inside `run`: brings Redis and the mirror together. */
  async #sync(mirror: RoomMirror): Promise<void> {
    const { room } = mirror;
    const members = mirror.own();
    mirror.dirty = false;
    try {
      const [answer, lease] = await Promise.all([
        this.#store.sync({
          room: mirror.id,
          nodeId: this.nodeId,
          kind: room?.kind ?? 'v2',
          hostKey: room?.hostKey,
          maxViewers: room?.maxViewers,
          members,
        }),
        this.#store.lease(this.nodeId),
        members.length > 0 ? this.#store.addRoom(mirror.id) : undefined,
      ]);
      // Without its lease, what Redis has of the other nodes may be lost as well.
      const lost = lease !== this.#lease.value;
      if (lost) {
        this.#lease.distrust();
        this.#wake();
      }
      const there = new Set(answer.members.map(({ peerId }) => peerId));
      mirror.evict(answer.refused.filter((peerId) => !there.has(peerId)));
      const settling = lost || this.#lease.settlingMs > 0;
      if (room !== undefined) mirror.adopt(answer, '', settling);
      const shared = answer.members.some(({ nodeId }) => nodeId !== this.nodeId);
      if (settling && (shared || mirror.hasOthers)) this.#soil(mirror);
      mirror.syncedAt = this.#options.clock.now();
      this.#announce(mirror.id, answer);
    } catch (error) {
      mirror.dirty = true;
      throw error;
    }
  }

  /** Something for this node may be lost, the first word of somebody in a room of its own too. */
  #missed(): void {
    this.#options.metrics().happened('resubscribed');
    for (const mirror of this.#mirrors.values()) {
      if (mirror.hasOthers) this.#soil(mirror);
      else mirror.doubtful = true;
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#closing !== undefined) return;
    if (this.#ticking) {
      this.#again = true;
      return;
    }
    this.#cancelTick?.();
    void this.#tick();
  }

  /** The heartbeat of the bus: lease, channel, rooms that do not agree, dead nodes. */
  async #tick(): Promise<void> {
    this.#ticking = true;
    this.#again = false;
    let unanswered = false;
    try {
      await this.#maintain();
    } catch (error) {
      unanswered = error instanceof RedisUnavailable;
      this.#failed(error);
    }
    this.#ticking = false;
    if (this.#closing !== undefined) return;
    if (this.health().ready) for (const resolve of this.#whenReady.splice(0)) resolve();
    if (this.#again) {
      void this.#tick();
      return;
    }
    const { clock, leaseMs } = this.#options;
    const { closed, retryAfterMs } = this.#link.breaker;
    // Once it does not answer, that is to be certain long before the lease ends.
    const wait = closed && !unanswered ? leaseMs / 4 : Math.max(retryAfterMs, RETRY_MS);
    this.#cancelTick = clock.after(wait, () => {
      void this.#tick();
    });
  }

  async #maintain(): Promise<void> {
    const { leaseMs, metrics } = this.#options;
    await this.#renew();
    await this.#store.announce(leaseMs);
    if (this.#lease.fenced) {
      const { losses } = this.#lease;
      await this.#syncAll([...this.#mirrors.values()]);
      this.#lease.asserted(losses);
      metrics().happened('reasserted');
    }
    this.#link.beat();
    const all = [...this.#mirrors.values()];
    await this.#syncAll(all.filter(({ dirty }) => dirty));
    await this.#syncAll(
      all.filter(({ doubtful }) => doubtful),
      (mirror) => this.#compare(mirror),
    );
    await this.#syncAll(this.#due(all), (mirror) => this.#compare(mirror));
    await this.#reaper.sweep();
  }

  async #renew(): Promise<void> {
    if (!(await this.#lease.renew())) return;
    const { metrics, log } = this.#options;
    metrics().happened('lease-lost');
    log.warn({ rooms: this.#mirrors.size }, 'lost the lease in Redis: asserting all rooms');
    this.#again = true;
  }

  /** Many rooms take longer than a lease. */
  async #stayAlive(): Promise<void> {
    if (this.#lease.due) await this.#renew();
  }

  /** Rooms that nothing was heard of for long: some at a time, so that they do not stay in step. */
  #due(mirrors: readonly RoomMirror[]): RoomMirror[] {
    const { clock, leaseMs, syncEveryMs = SYNC_EVERY_MS } = this.#options;
    const before = clock.now() - syncEveryMs;
    const ticks = syncEveryMs / (leaseMs / 4);
    const most = Math.max(SYNC_BATCH, Math.ceil((2 * mirrors.length) / ticks));
    return mirrors.filter(({ busy, syncedAt }) => !busy && syncedAt < before).slice(0, most);
  }

  /** Inside `run`: most of the time Redis has the room as it is here, which is soon asked. */
  async #compare(mirror: RoomMirror): Promise<void> {
    mirror.doubtful = false;
    try {
      if (!mirror.dirty && (await this.#store.renew(mirror.id, mirror.version))) {
        mirror.syncedAt = this.#options.clock.now();
        return;
      }
      await this.#sync(mirror);
    } catch (error) {
      mirror.doubtful = true;
      throw error;
    }
  }

  async #syncAll(
    mirrors: readonly RoomMirror[],
    bring: (mirror: RoomMirror) => Promise<void> = (mirror) => this.#sync(mirror),
  ): Promise<void> {
    for (let first = 0; first < mirrors.length; first += SYNC_BATCH) {
      const batch = mirrors.slice(first, first + SYNC_BATCH);
      await Promise.all(batch.map((mirror) => mirror.run(() => bring(mirror))));
      for (const mirror of batch) this.#forget(mirror);
      await this.#stayAlive();
    }
  }

  /** Milliseconds until a join may work; undefined: now. */
  #wait(mirror: RoomMirror | undefined): number | undefined {
    if (this.#closing !== undefined || this.#trouble() !== undefined) return this.#retryMs();
    const alone = mirror?.room !== undefined && !mirror.hasOthers;
    const settling = alone ? 0 : this.#lease.settlingMs;
    return settling > 0 ? settling : undefined;
  }

  #retryMs(): number {
    const { random, leaseMs } = this.#options;
    return Math.max(this.#link.breaker.retryAfterMs, leaseMs / 10) * (1 + random.fraction());
  }

  #trouble(): string | undefined {
    if (this.#closing !== undefined) return 'closed';
    const { state } = this.#link.breaker;
    if (state !== 'closed')
      return `redis does not answer (breaker ${state}): ${this.#troubles.last}`;
    if (this.#lease.fenced) return `no lease in redis: ${this.#troubles.last}`;
    if (!this.#link.subscribed) return 'not subscribed in redis';
    return undefined;
  }

  #failed(error: unknown): void {
    this.#troubles.note(error);
  }
}

function unavailable(retryAfterMs: number): JoinOutcome {
  return { ok: false, code: 'unavailable', retryAfterMs };
}

/** Redis never has the tokens themselves: who reads it can take nobody's place. */
function hashTokens(request: JoinRequest): JoinRequest {
  const { resume, resumeFrom, ...rest } = request;
  return {
    ...rest,
    resume: hash(resume),
    ...(resumeFrom === undefined ? {} : { resumeFrom: hash(resumeFrom) }),
  };
}

function hash(token: string): string {
  return token === '' ? '' : createHash('sha256').update(token).digest('base64url');
}
