/**
 * Decides how many bits per second one viewer's path is asked to carry: it grows by a share of the
 * rate while all is quiet and falls by a share of what arrives, with the one-way queueing delay as
 * its first signal and loss over at least a second as its second. Pure: no clock, no timer, no I/O.
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
  /**
   * A queue overflowed and is empty again: what was lost may have used up the viewer's retries,
   * and a browser then waits three seconds before it asks. A keyframe now ends that.
   */
  readonly wantsKeyframe: boolean;
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
const LOSS_WINDOW_MS = 1_300;
/** Share of the remembered capacity within which we approach it gently. */
const NEAR_CAPACITY = 0.9;
const PAST_CAPACITY = 1.05;
const CAPACITY_MEMORY_MS = 10_000;
/**
 * Growth per second: near the remembered capacity, and where nothing is known against it. There it
 * begins gently and doubles while all is quiet, so that a steady path sees small probes and a path
 * that has grown is taken soon.
 */
const GROWTH_PER_S = { near: 0.12, probe: 0.3, most: 1.3 } as const;
const GROWTH_DOUBLES_MS = 300;
const USAGE_PAUSE_MS = 700;
/**
 * A sender that uses less than this share of its target shows nothing about the path. The encoder
 * budgets each picture for the full frame rate, so at 60 configured, 24 fps of content use 0.33.
 */
const APPLICATION_LIMITED = 0.3;
/** A standing queue is emptied in about this time; no single cut goes beyond the given shares. */
const DRAIN = { ms: 400, most: 0.5, least: 0.85 } as const;
/** Where the rate returns to at once when the queue is empty again, of the capacity just seen. */
const SETTLE_SHARE = 0.85;
const SETTLE_MS = 3_000;
/** At most so much at once: what is sent is known over half a second, and may be old news. */
const CUT_MOST = 0.35;
const CUT_AGAIN_MOST = 0.5;
/** A queue that has grown by this since the last decrease was not answered by it. */
const QUEUE_GROWN_MS = 20;
const GROWING_SPACING_MS = 100;
/** Loss that stays although the rate was halved is the radio's, not a queue's. */
const STEADY_LOSS_FLOOR = 0.5;

export class BitrateController {
  readonly #limits: BitrateLimits;
  #ladder: QualityLadder;
  #bitrateBps: number;
  #reason: BitrateReason = 'start';
  #updatedAt: number | null = null;
  #decreasedAt = Number.NEGATIVE_INFINITY;
  #queueAtDecreaseMs = 0;
  #queueSeenAt = Number.NEGATIVE_INFINITY;
  #overflowed = false;
  #wantsKeyframe = false;
  /** Share of the target that is really sent, while the sender is not idle. */
  #usage = 0.8;
  #fps = 0;
  /** What arrived while a queue stood, bits per second on the wire. */
  #capacity: { bps: number; at: number } | null = null;
  #lossEpisode: { startedBps: number; lossAtStart: number } | null = null;
  #probingSince: number | null = null;
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
    this.#trackUsage(feedback, now);

    this.#settle(feedback, now);
    if (this.#queueIsBuilding(feedback)) {
      this.#decreaseForDelay(feedback, now, 'queue-delay');
    } else if (this.#rttIsHigh(feedback, baseRttMs)) {
      this.#decreaseForDelay(feedback, now, 'rtt');
    } else if (this.#lossIsCongestion(feedback, now)) {
      this.#decreaseForLoss(feedback, now);
    } else {
      this.#increase(feedback, now, elapsedS);
    }
    const step = this.#ladder.update(this.#bitrateBps, now);
    // The encoder budgets for the frame rate it is told: with half of it, a picture gets twice.
    if (this.#fps !== 0) this.#usage = Math.min((this.#usage * this.#fps) / step.fps, 1);
    this.#fps = step.fps;
    const wantsKeyframe = this.#wantsKeyframe;
    this.#wantsKeyframe = false;
    return {
      bitrateBps: Math.round(this.#bitrateBps),
      ...step,
      reason: this.#reason,
      wantsKeyframe,
    };
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

  /** Up at once, down slowly: a burst after a lull must not be taken for more than it is. */
  #trackUsage(f: PathFeedback, now: number): void {
    // Just after a decrease, what is sent still belongs to the target before.
    if (this.#isApplicationLimited(f) || now - this.#decreasedAt < USAGE_PAUSE_MS) return;
    const share = Math.min(f.sendRateBps / this.#bitrateBps, 1);
    this.#usage = Math.max(share, this.#usage + 0.1 * (share - this.#usage));
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
    // Who sends next to nothing made no queue: then a busy machine answered late.
    if (this.#isApplicationLimited(f)) return false;
    return f.rttMs > baseRttMs + RTT_OVER_BASE_MS;
  }

  #lossIsCongestion(f: PathFeedback, now: number): boolean {
    if (f.lossFraction === null) return false;
    // A queue that overflowed has been answered; its losses stay in the window for a while.
    if (now - this.#queueSeenAt < LOSS_WINDOW_MS) return false;
    if (f.lossFraction >= LOSS.congested) return true;
    const jittery = (f.jitterMs ?? 0) > JITTER_MS;
    const queued = (f.queueDelayMs ?? 0) > QUEUE_EMPTY_MS;
    return f.lossFraction > LOSS.free && jittery && queued;
  }

  #decreaseForDelay(f: PathFeedback, now: number, reason: 'queue-delay' | 'rtt'): void {
    const queueMs = f.queueDelayMs ?? 0;
    this.#queueSeenAt = now;
    if ((f.lossFraction ?? 0) > LOSS.congested) this.#overflowed = true;
    // One queue is answered once: its feedback needs a round trip and some to come back.
    const grown = queueMs > this.#queueAtDecreaseMs + QUEUE_GROWN_MS;
    const sinceDecrease = now - this.#decreasedAt;
    const answered = 200 + (f.rttMs ?? 100);
    if (sinceDecrease < (grown ? GROWING_SPACING_MS : answered)) {
      this.#reason = reason;
      return;
    }
    this.#queueAtDecreaseMs = queueMs;
    if (this.#isApplicationLimited(f) || f.receiveRateBps === null) {
      // What an idle sender delivers says nothing about the path.
      this.#decreaseTo(this.#bitrateBps * DRAIN.least, now, reason);
      return;
    }
    // What arrives while a queue stands is what the path carries: go below it, so that it drains.
    this.#capacity = { bps: f.receiveRateBps, at: now };
    const share = Math.min(Math.max(1 - queueMs / DRAIN.ms, DRAIN.most), DRAIN.least);
    // Repairs are in what is sent, and grow with the losses of a full queue: cut by what the wire
    // sees, not by what the encoder was told.
    const factor = (f.receiveRateBps * share) / Math.max(f.sendRateBps, f.receiveRateBps);
    const most = sinceDecrease < answered ? CUT_AGAIN_MOST : CUT_MOST;
    const target = this.#bitrateBps * Math.max(factor, most);
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
      this.#probingSince = null;
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
    if (near) this.#probingSince = now;
    const quietMs = now - (this.#probingSince ??= now);
    const growth = near
      ? GROWTH_PER_S.near
      : Math.min(GROWTH_PER_S.probe * 2 ** (quietMs / GROWTH_DOUBLES_MS), GROWTH_PER_S.most);
    const step = Math.max(growth * this.#bitrateBps, 50_000) * elapsedS;
    this.#bitrateBps = Math.min(this.#bitrateBps + step, this.#limits.maxBps);
    this.#reason = near ? 'increase' : 'probe';
  }

  /** The cut emptied the queue: back to what the path was seen to carry, less a margin. */
  #settle(f: PathFeedback, now: number): void {
    const drained = f.queueDelayMs !== null && f.queueDelayMs <= QUEUE_EMPTY_MS;
    if (!drained || this.#queueAtDecreaseMs === 0) return;
    this.#queueAtDecreaseMs = 0;
    this.#wantsKeyframe = this.#overflowed;
    this.#overflowed = false;
    if (this.#capacity === null || now - this.#capacity.at > SETTLE_MS) return;
    const settled = Math.min(this.#fullTarget() * SETTLE_SHARE, this.#limits.maxBps);
    this.#bitrateBps = Math.max(this.#bitrateBps, settled);
  }

  #isApplicationLimited(f: PathFeedback): boolean {
    return f.sendRateBps < APPLICATION_LIMITED * this.#bitrateBps;
  }

  /** The target at which what is really sent fills the remembered capacity. */
  #fullTarget(): number {
    return (this.#capacity?.bps ?? Number.POSITIVE_INFINITY) / this.#usage;
  }

  /** Past the remembered capacity without a queue, the memory is wrong: the path has grown. */
  #isNearCapacity(): boolean {
    if (this.#capacity === null) return false;
    const share = this.#bitrateBps / this.#fullTarget();
    if (share > PAST_CAPACITY) {
      this.#capacity = null;
      return false;
    }
    return share >= NEAR_CAPACITY;
  }
}
