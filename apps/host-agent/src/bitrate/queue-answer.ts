import type { Capacity } from './capacity.ts';
import type { DelayDetector } from './delay-detector.ts';
import type { Flight } from './flight.ts';
import type { Growth } from './growth.ts';
import type { Usage } from './usage.ts';

/** A cut leaves room for the queue to empty in about `ms`, within these shares of what arrives. */
const DRAIN = { ms: 250, most: 0.5, least: 0.9 } as const;
/** Of what is ours arrives so much less than the bottleneck carries, all the time: others use it too. */
const OTHERS = 1.25;
const SHARED_CUT = 0.7;
/**
 * Packets that arrive so much faster than the rate will have emptied the queue by the next report: a
 * radio that paused lets all go at once.
 */
const QUICK = 1.5;
/** A queue that grew by so much since the cut was not answered by it. */
const GROWN_MS = 25;
/** A queue that has shrunk to this share needs no second cut. */
const SHRUNK = 0.8;
/** A queue this deep is emptied before anything else is sent. */
const DEEP_MS = 40;
/** What was sent for so long at the lower rate shows whether that was enough. */
const ANSWERED_MS = 100;
/** A cut must have emptied so much of a queue, of what it should have, or there was none. */
const DRAINED_SHARE = 0.3;
const DRAIN_EXPECTED_MS = 35;
/** Pictures leave at the believed rate for so long after a queue. */
const TAME_MS = 500;
/** More packets than these were lost in a queue: it overflowed. */
const OVERFLOWED = 5;

export interface QueueAnswerOptions {
  readonly delay: DelayDetector;
  readonly capacity: Capacity;
  readonly flight: Flight;
  readonly usage: Usage;
  readonly growth: Growth;
  /** Of what a path carries, the rate that is taken when its queue is empty again. */
  readonly share: number;
}

/** What is known when a report has come. Rates in bit/s, times in ms. */
export interface Situation {
  readonly bps: number;
  readonly standingMs: number;
  readonly thresholdMs: number;
  /** Packets lost, ever. */
  readonly lost: number;
  /** When the report came, on the clock of `Burst.sentMs`. */
  readonly clockMs: number;
  readonly now: number;
}

export interface Answer {
  readonly bps: number;
  readonly reason: 'hold' | 'queue-delay' | 'path-change' | 'settled';
  /** It overflowed and is empty again: repairs may be used up. */
  readonly wantsKeyframe?: boolean;
}

/** A queue that was answered, until it is empty. */
interface Cut {
  readonly at: number;
  /** The same on the clock of `Burst.sentMs`. */
  readonly clockMs: number;
  readonly queueMs: number;
  readonly beforeBps: number;
  readonly capacityBps: number;
  readonly lostBefore: number;
}

/**
 * What is done about a queue that stands, until it is empty: one cut below what arrives, more if it
 * grows all the same, and back to what was carried when it is gone. Where less was sent and nothing
 * shrank, it was none. Pure.
 */
export class QueueAnswer {
  readonly #options: QueueAnswerOptions;
  #cut: Cut | undefined;
  #tameUntil = Number.NEGATIVE_INFINITY;
  /** One report was waited for already. */
  #waited = false;

  constructor(options: QueueAnswerOptions) {
    this.#options = options;
  }

  /** A queue is being emptied. */
  get isDraining(): boolean {
    return this.#cut !== undefined;
  }

  /** Of a deep queue that is being emptied: what the path carries. */
  get deepBps(): number | undefined {
    return this.#cut !== undefined && this.#cut.queueMs > DEEP_MS
      ? this.#cut.capacityBps
      : undefined;
  }

  /** A queue stands, or has just been emptied: nothing is to be sent faster than the rate. */
  isTame(now: number): boolean {
    return this.#cut !== undefined || now < this.#tameUntil;
  }

  forget(): void {
    this.#cut = undefined;
  }

  /** A queue stands. */
  queued(situation: Situation): Answer {
    const { bps, standingMs, now, clockMs } = situation;
    const cut = this.#cut;
    if (cut === undefined) return this.#first(situation);
    if (this.#isNoQueue(cut, situation)) {
      this.#options.delay.rebase();
      this.#options.flight.forget();
      this.#cut = undefined;
      return { bps: Math.max(bps, cut.beforeBps), reason: 'path-change' };
    }
    if (standingMs > cut.queueMs + GROWN_MS) return this.#answer(situation);
    if (this.#sentSince(cut) < ANSWERED_MS) return { bps, reason: 'queue-delay' };
    if (standingMs >= cut.queueMs * SHRUNK) return this.#answer(situation);
    this.#cut = { ...cut, at: now, clockMs, queueMs: standingMs };
    return { bps, reason: 'queue-delay' };
  }

  /** No queue stands, and none is being emptied. */
  quiet(): void {
    this.#waited = false;
  }

  #first(situation: Situation): Answer {
    const { capacity, delay, growth } = this.#options;
    const trains = capacity.newestTrainsBps(delay.noiseMs) ?? 0;
    const quick = trains >= QUICK * situation.bps || capacity.pauseMs > 0;
    if (this.#waited || !quick || growth.isShared(situation.now)) return this.#answer(situation);
    this.#waited = true;
    return { bps: situation.bps, reason: 'hold' };
  }

  #answer({ bps, standingMs, lost, clockMs, now }: Situation): Answer {
    const { capacity, delay, growth } = this.#options;
    const arrives = capacity.receiveBps ?? bps;
    const trains = capacity.newestTrainsBps(delay.noiseMs);
    const capacityBps = Math.min(arrives, trains ?? arrives);
    const others = trains !== undefined && trains > OTHERS * arrives && capacity.pauseMs === 0;
    if (others) growth.share(trains, now);
    growth.learn(capacityBps, now);
    const least = growth.isShared(now) ? SHARED_CUT : DRAIN.least;
    const share = Math.min(Math.max(1 - standingMs / DRAIN.ms, DRAIN.most), least);
    this.#cut = {
      ...{ at: now, clockMs, queueMs: standingMs, capacityBps },
      beforeBps: this.#cut?.beforeBps ?? bps,
      lostBefore: this.#cut?.lostBefore ?? lost,
    };
    this.#tameUntil = now + TAME_MS;
    return { bps: Math.min(bps, capacityBps * share), reason: 'queue-delay' };
  }

  /**
   * Less was sent than arrives, for long enough that a queue would have shrunk, and it did not: the
   * path has become longer, or others fill it and a lower rate gains nothing.
   */
  #isNoQueue(cut: Cut, { bps, standingMs }: Situation): boolean {
    const sent = Math.min(this.#options.usage.sentBps ?? bps, bps);
    const expected = this.#sentSince(cut) * Math.max(0, 1 - sent / cut.capacityBps);
    return expected >= DRAIN_EXPECTED_MS && cut.queueMs - standingMs < DRAINED_SHARE * expected;
  }

  /** For how long after the cut was sent what has been reported on: only that can show its effect. */
  #sentSince(cut: Cut): number {
    return this.#options.delay.newestSentMs - cut.clockMs;
  }

  /** While draining, no queue is found any more. */
  drained({ bps, standingMs, thresholdMs, lost, now }: Situation): Answer {
    const cut = this.#cut;
    const { flight, growth, share } = this.#options;
    if (cut === undefined) return { bps, reason: 'settled' };
    if (standingMs > thresholdMs / 2 && now - cut.at < 2 * flight.answerMs) {
      return { bps, reason: 'queue-delay' };
    }
    this.#cut = undefined;
    this.#tameUntil = now + TAME_MS;
    const settled = growth.isShared(now) ? 0 : share * cut.capacityBps;
    return {
      bps: Math.max(bps, settled),
      reason: 'settled',
      wantsKeyframe: lost - cut.lostBefore > OVERFLOWED && cut.queueMs > DEEP_MS,
    };
  }
}
