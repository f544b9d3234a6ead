/**
 * Decides how many bits per second one viewer's path is asked to carry. The frame is the AIMD that
 * the original design names (slow growth, cuts by a share, a floor and a ceiling); its signals are a
 * queue that stands, what the path is seen to carry, loss, and silence. docs/adaptation.md has it on
 * one page. Pure: no clock, no timer, no I/O.
 */
import type { ArrivalReport, Pace } from '@peerdeck/native-capture';
import { Capacity } from './capacity.ts';
import { DelayDetector } from './delay-detector.ts';
import { Flight } from './flight.ts';
import { Growth } from './growth.ts';
import { LossDetector } from './loss-detector.ts';
import { QualityLadder, type LadderLimits, type Quality } from './quality-ladder.ts';
import { QueueAnswer, type Answer } from './queue-answer.ts';
import { Usage } from './usage.ts';

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
  | 'settled'
  | 'loss'
  | 'lossy'
  | 'silence'
  | 'path-change'
  | 'unproven'
  | 'ceiling'
  | 'floor';

export interface BitrateDecision extends Quality {
  /** For the encoder. */
  readonly bitrateBps: number;
  readonly pace: Pace;
  readonly reason: BitrateReason;
  /**
   * A queue overflowed and is empty again: what was lost may have used up the viewer's retries,
   * and a browser then waits three seconds before it asks. A keyframe now ends that.
   */
  readonly wantsKeyframe: boolean;
}

/** Of what the path carries: the rest keeps frames that are larger than others from queueing. */
const SHARE = 0.82;
/** The path carries so much less than is sent, and holds so much more than it did: it has become slow. */
const FALLEN = 0.75;
const SURELY_MS = 20;
/** Reports are missing for so long: the path carries nothing, or nothing back. */
const SILENT_MS = 300;
/** After an outage a part of what was believed: the path may be another one. */
const AFTER_OUTAGE = 0.7;
const GAIN = { free: 1.5, tame: 1 } as const;
const LOSS_CUT = 0.8;
/** Packets of one picture that may be lost, on the average, on a path that loses some at any rate. */
const LOST_OF_PICTURE = 0.7;
const PACKET_BITS = 1200 * 8;
/** Sent under this share of the rate, content is the limit. */
const APPLICATION_LIMITED = 0.6;
/** What nothing has tested for `afterMs` halves in each `halfMs`, down to a rate that every start has. */
const UNPROVEN = { afterMs: 5000, halfMs: 8000, floorBps: 3_000_000 } as const;

export class BitrateController {
  readonly #limits: BitrateLimits;
  readonly #delay = new DelayDetector();
  readonly #capacity = new Capacity();
  readonly #loss = new LossDetector();
  readonly #flight = new Flight();
  readonly #usage = new Usage();
  readonly #growth = new Growth(SHARE);
  readonly #queue = new QueueAnswer({
    ...{ delay: this.#delay, capacity: this.#capacity, flight: this.#flight },
    ...{ usage: this.#usage, growth: this.#growth, share: SHARE },
  });
  #ladder: QualityLadder;
  #fps: number;
  #bps: number;
  #reason: BitrateReason = 'start';
  #lossCut: { readonly at: number; readonly beforeBps: number } | undefined;
  #wantsKeyframe = false;
  #reportedAt: number | undefined;
  /** Of the newest report, on the clock of `Burst.sentMs`. */
  #clockMs = 0;
  #inFlight = 0;
  #lost = 0;
  #testedAt = 0;
  #steppedAt = 0;

  constructor(options: BitrateControllerOptions) {
    const { minBps, startBps, maxBps } = options.limits;
    if (!(minBps > 0 && minBps <= startBps && startBps <= maxBps)) {
      throw new RangeError(
        `bitrate limits must satisfy 0 < min <= start <= max, got ${minBps}, ${startBps}, ${maxBps}`,
      );
    }
    this.#limits = options.limits;
    this.#ladder = new QualityLadder(options.video);
    this.#fps = options.video.fps;
    this.#bps = startBps;
  }

  /** What the path is believed to carry. */
  get bps(): number {
    return this.#bps;
  }

  /** Tells the picture's size after a resize, and the fps that the source can give. */
  setVideo(video: LadderLimits): void {
    this.#ladder = new QualityLadder(video);
  }

  /** ICE has chosen another pair of candidates: nothing that was measured holds. */
  pathChanged(now: number): void {
    this.#forget();
    this.#reason = 'path-change';
    this.#testedAt = now;
  }

  /** `now` in ms of any monotonic clock; it must not go backwards, here and in `tick`. */
  report(report: ArrivalReport, now: number): BitrateDecision {
    const outage = this.#isSilent(now) && isOutage(report);
    this.#reportedAt = now;
    this.#clockMs = report.atMs;
    this.#inFlight = report.inFlightBytes;
    this.#usage.take(report.sentBytes, now);
    this.#loss.take({ received: report.receivedPackets, lost: report.lostPackets }, now);
    if (outage) this.#returned();
    this.#delay.take(report.bursts);
    this.#capacity.take(report.bursts);
    const newest = report.bursts.findLast(({ packets }) => packets > 0);
    if (newest !== undefined && !outage) {
      const sentMs = newest.sentMs + (newest.sentSpanMs ?? 0);
      this.#flight.take(Math.max(0, report.atMs - sentMs), now);
    }
    this.#lost = report.lostPackets;
    this.#react(now);
    this.#steppedAt = now;
    return this.#decision(now);
  }

  /** Ten times a second, whether or not anything was heard. */
  tick(now: number): BitrateDecision {
    if (this.#isSilent(now)) this.#reason = 'silence';
    else this.#doubt(now);
    return this.#decision(now);
  }

  #isSilent(now: number): boolean {
    const since = this.#reportedAt;
    const most = SILENT_MS + this.#flight.rttMs;
    return since !== undefined && this.#inFlight > 0 && now - since > most;
  }

  #returned(): void {
    this.#setBps(this.#bps * AFTER_OUTAGE, 'silence');
    this.#forget();
    this.#loss.forgive();
  }

  #forget(): void {
    this.#delay.forget();
    this.#capacity.forget();
    this.#flight.forget();
    this.#growth.forget();
    this.#queue.forget();
    this.#lossCut = undefined;
  }

  #react(now: number): void {
    const thresholdMs = this.#delay.thresholdMs;
    const standingMs = Math.max(this.#delay.standingMs ?? 0, this.#comingMs(thresholdMs));
    const { lost, clockMs } = { lost: this.#lost, clockMs: this.#clockMs };
    const situation = { bps: this.#bps, standingMs, thresholdMs, lost, clockMs, now };
    if (standingMs > thresholdMs) this.#take(this.#queue.queued(situation));
    else if (this.#queue.isDraining) this.#take(this.#queue.drained(situation));
    else {
      this.#queue.quiet();
      if (!this.#lossSlows(now)) this.#grow(standingMs > thresholdMs / 2, now);
    }
  }

  #take({ bps, reason, wantsKeyframe = false }: Answer): void {
    this.#setBps(bps, reason);
    if (reason === 'settled') this.#loss.forgive();
    this.#wantsKeyframe ||= wantsKeyframe;
  }

  /**
   * What waits in a bottleneck that has just become slow: its packets arrive apart long before one
   * arrives that has met the whole queue. 0: the path carries what it is given.
   */
  #comingMs(threshold: number): number {
    const carried = this.#capacity.newestTrainsBps(this.#delay.noiseMs);
    const sent = this.#usage.sentBps;
    if (carried === undefined || sent === undefined || carried > FALLEN * sent) return 0;
    const queued = (this.#inFlight * 8000) / carried - this.#flight.answerMs;
    return queued > threshold + SURELY_MS ? queued : 0;
  }

  #lossSlows(now: number): boolean {
    switch (this.#loss.verdict(now)) {
      case 'none':
        return false;
      case 'slower':
        this.#lossCut ??= { at: now, beforeBps: this.#bps };
        this.#setBps(Math.min(this.#bps, this.#usage.sentBps ?? this.#bps) * LOSS_CUT, 'loss');
        return true;
      case 'wait':
        this.#reason = 'loss';
        return true;
      case 'innocent':
        this.#setBps(
          Math.min(Math.max(this.#bps, this.#lossCut?.beforeBps ?? 0), this.#mostForLoss(now)),
          'lossy',
        );
        this.#lossCut = undefined;
        return true;
    }
  }

  /**
   * A picture is late when one of its packets has to be sent again, and of more packets more are
   * lost: with this rate a picture loses less than one, on the average.
   */
  #mostForLoss(now: number): number {
    const share = this.#loss.innocentShare(now);
    if (share === 0) return Number.POSITIVE_INFINITY;
    return (LOST_OF_PICTURE / share) * PACKET_BITS * this.#fps;
  }

  #grow(hesitates: boolean, now: number): void {
    const sent = this.#usage.sentBps;
    const limited = sent !== undefined && sent < APPLICATION_LIMITED * this.#bps;
    if (!limited) this.#testedAt = now;
    const trainsBps = this.#capacity.trainsBps(this.#delay.noiseMs);
    if (trainsBps !== undefined) this.#testedAt = now;
    if (hesitates) {
      this.#reason = 'hold';
      return;
    }
    const step = this.#growth.next({
      bps: this.#bps,
      trainsBps,
      limited,
      elapsedMs: Math.min(Math.max(now - this.#steppedAt, 0), 250),
      now,
    });
    const most = Math.min(this.#limits.maxBps, this.#mostForLoss(now));
    if (step.bps >= most) this.#setBps(most, most < this.#limits.maxBps ? 'lossy' : 'ceiling');
    else this.#setBps(step.bps, step.reason);
  }

  /** A belief that nothing tests wears off: the path may have shrunk meanwhile. */
  #doubt(now: number): void {
    if (now - this.#testedAt < UNPROVEN.afterMs) return;
    const floor = Math.min(this.#limits.startBps, UNPROVEN.floorBps);
    if (this.#bps <= floor) return;
    this.#setBps(Math.max(floor, this.#bps * 2 ** (-100 / UNPROVEN.halfMs)), 'unproven');
    this.#growth.forget();
  }

  #setBps(bps: number, reason: BitrateReason): void {
    const { minBps, maxBps } = this.#limits;
    this.#reason = bps < minBps ? 'floor' : reason;
    this.#bps = Math.min(Math.max(bps, minBps), maxBps);
  }

  #decision(now: number): BitrateDecision {
    const { deepBps } = this.#queue;
    const carried = Math.min(this.#bps, deepBps ?? this.#bps);
    const windowBytes = Math.round(this.#flight.windowBytes(carried, deepBps !== undefined));
    const wantsKeyframe = this.#wantsKeyframe;
    this.#wantsKeyframe = false;
    const bitrateBps = Math.round(this.#bps);
    const quality = this.#ladder.update(this.#bps, now);
    this.#fps = quality.fps;
    return {
      bitrateBps,
      ...quality,
      pace: {
        bitsPerSecond: bitrateBps,
        gain: this.#queue.isTame(now) ? GAIN.tame : GAIN.free,
        windowBytes,
      },
      reason: this.#reason,
      wantsKeyframe,
    };
  }
}

/** Of a long time of sending nothing arrived: else there was only nothing to report on. */
function isOutage({ bursts }: ArrivalReport): boolean {
  let since: number | undefined;
  for (const { sentMs, packets } of bursts) {
    if (packets > 0) since = undefined;
    else if (sentMs - (since ??= sentMs) >= SILENT_MS / 2) return true;
  }
  return false;
}
