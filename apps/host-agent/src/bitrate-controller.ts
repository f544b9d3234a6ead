/**
 * Decides how many bits per second one viewer's path is asked to carry: AIMD (additive increase,
 * multiplicative decrease; Chiu and Jain 1989) with the one-way queueing delay as its first signal
 * and loss over at least a second as its second. Pure: no clock, no timer, no I/O.
 */

import { QualityLadder, type LadderLimits, type Quality } from './quality-ladder.ts';

/** One report about the path; about ten a second. Rates in bit/s, times in ms, loss in 0..1. */
export interface PathFeedback {
  /** Round trip by RTCP or by ping/pong on the control channel, whichever is newer. */
  readonly rttMs: number | null;
  /** Interarrival jitter (RFC 3550, 6.4.1). */
  readonly jitterMs: number | null;
  /** Over one second at least. */
  readonly lossFraction: number | null;
  /** One-way delay over the path's base. */
  readonly queueDelayMs: number | null;
  readonly delayTrendMsPerS: number | null;
  /** What the receiver acknowledged, over the last half second. */
  readonly receiveRateBps: number | null;
  /** What we sent in the same time: tells an idle desktop from a full path. */
  readonly sendRateBps: number;
}

export interface BitrateLimits {
  readonly minBps: number;
  readonly startBps: number;
  readonly maxBps: number;
}

export interface BitrateControllerOptions {
  readonly limits: BitrateLimits;
  readonly video: LadderLimits;
}

export type BitrateReason =
  | 'start'
  | 'increase'
  | 'probe'
  | 'hold'
  | 'application-limited'
  | 'queue-delay'
  | 'rtt'
  | 'loss'
  | 'steady-loss'
  | 'ceiling'
  | 'floor';

export interface BitrateDecision extends Quality {
  readonly bitrateBps: number;
  readonly reason: BitrateReason;
}

/** Queue that is tolerated before we slow down; above `deep` it must also be drained. */
const QUEUE_MS = { tolerated: 25, deep: 80 } as const;
/** A queue this small that does not grow is none. */
const QUEUE_EMPTY_MS = 8;
/** RTT over its base counts only where no one-way delay is known: it has the return path in it. */
const RTT_OVER_BASE_MS = 70;
const BASE_RTT_WINDOW_MS = 30_000;
/** Below `free`, loss is repaired by NACK and costs nothing worth slowing for. */
const LOSS = { free: 0.02, congested: 0.05 } as const;
/** Jitter beyond this, with loss, is a queue that drops. */
const JITTER_MS = 30;
const HOLD_AFTER_DECREASE_MS = 800;
const LOSS_DECREASE_SPACING_MS = 1_000;
/** Share of the remembered capacity within which we approach it gently. */
const NEAR_CAPACITY = 0.9;
const CAPACITY_MEMORY_MS = 10_000;
/** Growth per second: near the remembered capacity, and where nothing is known against it. */
const GROWTH_PER_S = { near: 0.06, probe: 1.2 } as const;
/**
 * A sender that uses less than this share of its target shows nothing about the path. The encoder
 * lands at three quarters of its target, so the share has to be well below that.
 */
const APPLICATION_LIMITED = 0.6;
/** Loss that stays although the rate was halved is the radio's, not a queue's. */
const STEADY_LOSS_FLOOR = 0.5;

export class BitrateController {
  readonly #limits: BitrateLimits;
  #ladder: QualityLadder;
  #bitrateBps: number;
  #reason: BitrateReason = 'start';
  #updatedAt: number | null = null;
  #decreasedAt = Number.NEGATIVE_INFINITY;
  #capacity: { bps: number; at: number } | null = null;
  #lossEpisode: { startedBps: number; lossAtStart: number } | null = null;
  #rtts: { at: number; ms: number }[] = [];

  constructor(options: BitrateControllerOptions) {
    const { minBps, startBps, maxBps } = options.limits;
    if (!(minBps > 0 && minBps <= startBps && startBps <= maxBps)) {
      throw new RangeError(
        `bitrate limits must satisfy 0 < min <= start <= max, got ${minBps}, ${startBps}, ${maxBps}`,
      );
    }
    this.#limits = options.limits;
    this.#ladder = new QualityLadder(options.video);
    this.#bitrateBps = startBps;
  }

  get bitrateBps(): number {
    return this.#bitrateBps;
  }

  /** Tells the picture's size after a resize, and the fps that the source can give. */
  setVideo(video: LadderLimits): void {
    this.#ladder = new QualityLadder(video);
  }

  /** `now` in ms of any monotonic clock; it must not go backwards. */
  update(feedback: PathFeedback, now: number): BitrateDecision {
    const elapsedS = Math.min(Math.max(now - (this.#updatedAt ?? now - 100), 0), 1_000) / 1_000;
    this.#updatedAt = now;
    const baseRttMs = this.#trackRtt(feedback.rttMs, now);

    if (this.#queueIsBuilding(feedback)) {
      this.#decreaseForDelay(feedback, now, 'queue-delay');
    } else if (this.#rttIsHigh(feedback, baseRttMs)) {
      this.#decreaseForDelay(feedback, now, 'rtt');
    } else if (this.#lossIsCongestion(feedback)) {
      this.#decreaseForLoss(feedback, now);
    } else {
      this.#increase(feedback, now, elapsedS);
    }
    const step = this.#ladder.update(this.#bitrateBps, now);
    return { bitrateBps: Math.round(this.#bitrateBps), ...step, reason: this.#reason };
  }

  #trackRtt(rttMs: number | null, now: number): number | null {
    if (rttMs !== null) {
      // A monotonic queue: its head is the minimum of the window.
      while ((this.#rtts.at(-1)?.ms ?? -1) >= rttMs) this.#rtts.pop();
      this.#rtts.push({ at: now, ms: rttMs });
    }
    while ((this.#rtts[0]?.at ?? now) < now - BASE_RTT_WINDOW_MS) this.#rtts.shift();
    return this.#rtts[0]?.ms ?? null;
  }

  #queueIsBuilding(f: PathFeedback): boolean {
    if (f.queueDelayMs === null) return false;
    if (f.queueDelayMs > QUEUE_MS.deep) return true;
    // A sender far below its target makes no standing queue: a short one is a single burst's.
    if (this.#isApplicationLimited(f)) return false;
    return f.queueDelayMs > QUEUE_MS.tolerated && (f.delayTrendMsPerS ?? 0) > 0;
  }

  #rttIsHigh(f: PathFeedback, baseRttMs: number | null): boolean {
    if (f.queueDelayMs !== null || f.rttMs === null || baseRttMs === null) return false;
    return f.rttMs > baseRttMs + RTT_OVER_BASE_MS;
  }

  #lossIsCongestion(f: PathFeedback): boolean {
    if (f.lossFraction === null) return false;
    if (f.lossFraction >= LOSS.congested) return true;
    const jittery = (f.jitterMs ?? 0) > JITTER_MS;
    const queued = (f.queueDelayMs ?? 0) > QUEUE_EMPTY_MS;
    return f.lossFraction > LOSS.free && jittery && queued;
  }

  #decreaseForDelay(f: PathFeedback, now: number, reason: 'queue-delay' | 'rtt'): void {
    // One queue is answered once: its feedback needs a round trip and some to come back.
    const spacing = 200 + (f.rttMs ?? 100);
    if (now - this.#decreasedAt < spacing) {
      this.#reason = reason;
      return;
    }
    const deep = (f.queueDelayMs ?? 0) > QUEUE_MS.deep;
    // What arrives while a queue stands is what the path carries: go below it, so that it drains.
    // But what an idle sender delivers says nothing: then from what it was allowed.
    const measured = this.#isApplicationLimited(f) ? null : f.receiveRateBps;
    const carried = measured ?? this.#bitrateBps;
    if (measured !== null) this.#capacity = { bps: measured, at: now };
    const target = Math.min(carried * (deep ? 0.7 : 0.85), this.#bitrateBps * 0.95);
    this.#decreaseTo(target, now, reason);
  }

  #decreaseForLoss(f: PathFeedback, now: number): void {
    const loss = f.lossFraction ?? 0;
    this.#lossEpisode ??= { startedBps: this.#bitrateBps, lossAtStart: loss };
    if (now - this.#decreasedAt < LOSS_DECREASE_SPACING_MS) {
      this.#reason = 'loss';
      return;
    }
    const noQueue = (f.queueDelayMs ?? 0) <= QUEUE_EMPTY_MS;
    const halved = this.#bitrateBps <= this.#lossEpisode.startedBps * STEADY_LOSS_FLOOR;
    if (halved && noQueue && loss > 0.7 * this.#lossEpisode.lossAtStart) {
      this.#reason = 'steady-loss';
      return;
    }
    const factor = Math.min(0.9, Math.max(0.6, 1 - 1.5 * loss));
    this.#decreaseTo(this.#bitrateBps * factor, now, 'loss');
  }

  #decreaseTo(bps: number, now: number, reason: BitrateReason): void {
    const floored = Math.max(bps, this.#limits.minBps);
    this.#reason = floored > bps ? 'floor' : reason;
    this.#bitrateBps = Math.min(this.#bitrateBps, floored);
    this.#decreasedAt = now;
  }

  #increase(f: PathFeedback, now: number, elapsedS: number): void {
    if ((f.lossFraction ?? 0) <= LOSS.free) this.#lossEpisode = null;
    const settling = now - this.#decreasedAt < HOLD_AFTER_DECREASE_MS;
    const queued = (f.queueDelayMs ?? 0) > QUEUE_MS.tolerated;
    if (settling || queued || (f.lossFraction ?? 0) > LOSS.free) {
      this.#reason = 'hold';
      return;
    }
    if (this.#bitrateBps >= this.#limits.maxBps) {
      this.#reason = 'ceiling';
      return;
    }
    if (this.#isApplicationLimited(f)) {
      this.#reason = 'application-limited';
      return;
    }
    if (this.#capacity !== null && now - this.#capacity.at > CAPACITY_MEMORY_MS) {
      this.#capacity = null;
    }
    const near = this.#isNearCapacity();
    const step = near
      ? Math.max(GROWTH_PER_S.near * this.#bitrateBps, 50_000) * elapsedS
      : this.#bitrateBps * (Math.pow(1 + GROWTH_PER_S.probe, elapsedS) - 1);
    this.#bitrateBps = Math.min(this.#bitrateBps + step, this.#limits.maxBps);
    this.#reason = near ? 'increase' : 'probe';
  }

  #isApplicationLimited(f: PathFeedback): boolean {
    return f.sendRateBps < APPLICATION_LIMITED * this.#bitrateBps;
  }

  /** Past the remembered capacity without a queue, the memory is wrong: the path has grown. */
  #isNearCapacity(): boolean {
    if (this.#capacity === null) return false;
    const share = this.#bitrateBps / this.#capacity.bps;
    if (share > 1.15) {
      this.#capacity = null;
      return false;
    }
    return share >= NEAR_CAPACITY;
  }
}
