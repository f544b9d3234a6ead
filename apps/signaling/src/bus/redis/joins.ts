import type { Clock } from '../../base/clock.ts';
import type { JoinRequest, RoomLimits } from '../../rooms/room.ts';
import type { Span } from '../../tracing/span.ts';
import type { JoinOutcome } from '../bus.ts';
import type { Lease } from './lease.ts';
import { RedisUnavailable } from './link.ts';
import type { RedisMetrics } from './metrics.ts';
import type { Mirrors } from './mirrors.ts';
import type { Notices } from './notices.ts';
import type { Reaper } from './reaper.ts';
import type { Reconciler } from './reconciler.ts';
import type { RoomMirror } from './room-mirror.ts';
import type { Standing } from './standing.ts';
import type { RoomAnswer, Store } from './store.ts';
import { hashTokens } from './token-hash.ts';

export interface JoinsOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly lease: Lease;
  readonly mirrors: Mirrors;
  readonly notices: Notices;
  readonly reconciler: Reconciler;
  readonly reaper: Reaper;
  readonly standing: Standing;
  readonly metrics: () => RedisMetrics;
  readonly limits: RoomLimits;
  readonly leaseMs: number;
  /** The node's lease was found missing. */
  readonly onLost: () => void;
}

/** Lets members into rooms: as Redis decides, or, where it does not answer, as this node can alone. */
export class Joins {
  readonly #options: JoinsOptions;

  constructor(options: JoinsOptions) {
    this.#options = options;
  }

  async join(request: JoinRequest, span?: Span): Promise<JoinOutcome> {
    const { mirrors } = this.#options;
    const known = mirrors.find(request.room);
    const wait = this.#wait(known);
    if (wait !== undefined && known?.room === undefined) return unavailable(wait);
    const mirror = mirrors.of(request.room);
    mirrors.place(request.connectionId, mirror);
    const hashed = hashTokens(request);
    const outcome = await mirror.run(() => this.#join(mirror, hashed, span));
    if (!outcome.ok) {
      mirrors.displace(request.connectionId);
      mirrors.forget(mirror);
      return outcome;
    }
    const resume = outcome.resumed ? (request.resumeFrom ?? '') : request.resume;
    return { ...outcome, member: { ...outcome.member, resume } };
  }

  async #join(mirror: RoomMirror, request: JoinRequest, span?: Span): Promise<JoinOutcome> {
    const { standing, leaseMs } = this.#options;
    const wait = this.#wait(mirror);
    if (wait !== undefined) return this.#joinAlone(mirror, request, wait);
    try {
      let answer = await this.#ask(mirror, request, span);
      if (answer === undefined) return unavailable(leaseMs / 4);
      if (!answer.ok && (await this.#makeRoom(mirror, answer))) {
        answer = (await this.#ask(mirror, request, span)) ?? answer;
      }
      if (!answer.ok) return { ok: false, code: answer.code ?? 'unavailable' };
      return this.#joined(mirror, request, answer, span);
    } catch (error) {
      // It may have been done: the next comparison undoes that.
      mirror.dirty = true;
      standing.failed(error);
      return this.#joinAlone(mirror, request, standing.retryMs());
    }
  }

  /** undefined: the node's lease is gone, so that Redis has lost more than that perhaps. */
  async #ask(
    mirror: RoomMirror,
    request: JoinRequest,
    span?: Span,
  ): Promise<RoomAnswer | undefined> {
    const { store, lease, nodeId, metrics, onLost } = this.#options;
    const [held, , answer] = await Promise.all([
      store.lease(nodeId),
      mirror.room === undefined ? store.addRoom(mirror.id) : undefined,
      store.join(request, span),
    ]);
    if (held === lease.value) return answer;
    lease.distrust();
    metrics().happened('lease-lost');
    mirror.dirty = true;
    onLost();
    return undefined;
  }

  #joined(mirror: RoomMirror, request: JoinRequest, answer: RoomAnswer, span?: Span): JoinOutcome {
    mirror.adopt(answer, request.connectionId);
    mirror.syncedAt = this.#options.clock.now();
    this.#options.notices.announce(mirror.id, answer, span);
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
    const decision = trial.join(request, this.#options.limits, this.#options.clock.now());
    if (!decision.ok) return decision;
    const { member, resumed, replaced, evicted } = decision;
    room.bind(trial.hostKey, trial.maxViewers);
    if (replaced !== undefined && !resumed) {
      mirror.assume([{ how: 'replaced', member: replaced }], '');
    }
    if (evicted !== undefined) mirror.assume([{ how: 'evicted', member: evicted }], '');
    mirror.assume([{ how: resumed ? 'resumed' : 'joined', member }], request.connectionId);
    return { ok: true, member, resumed, members: [...room.members.values()] };
  }

  async #makeRoom(mirror: RoomMirror, { members, code }: RoomAnswer): Promise<boolean> {
    const { nodeId: own, reconciler, reaper } = this.#options;
    if (code === 'wrong-room-kind' || code === 'kicked') return false;
    const ghosts = members.some(
      ({ nodeId, peerId }) => nodeId === own && !mirror.room?.members.has(peerId),
    );
    if (ghosts) await reconciler.sync(mirror);
    const nodes = members.map(({ nodeId }) => nodeId);
    return (await reaper.makeRoom(mirror.id, nodes)) || ghosts;
  }

  /** Milliseconds until a join may work; undefined: now. */
  #wait(mirror: RoomMirror | undefined): number | undefined {
    const { standing, lease } = this.#options;
    if (!standing.health.ready) return standing.retryMs();
    const alone = mirror?.room !== undefined && !mirror.hasOthers;
    const settling = alone ? 0 : lease.settlingMs;
    return settling > 0 ? settling : undefined;
  }
}

function unavailable(retryAfterMs: number): JoinOutcome {
  return { ok: false, code: 'unavailable', retryAfterMs };
}
