import type { Burst } from '@peerdeck/native-capture';

/** Chromium tells arrivals in units of a quarter of a millisecond. */
const UNIT_MS = 0.25;
/** A burst that left in less than this part of the time in which it arrived was spread by the path. */
const SPREAD = 0.7;
const TRAINS_MS = 1500;
/** Newer ones only, once there are so many: what a path carries changes. */
const TRAINS = 16;
/** Bytes and trains below which they say nothing. */
const LEAST = { bytes: 12_000, trains: 4 } as const;
const FEW = { bytes: 4800, trains: 1 } as const;
/** Jitter of more than this part of a train's length makes its length mean nothing. */
const NOISE_SHARE = 0.5;
/** Trains through one bottleneck agree: half of them are within this share of the middle one. */
const AGREEMENT = 0.3;
const RECEIVE_MS = 250;
const RECEIVE_LEAST_MS = 60;
const PAUSE_MS = 15;

interface Arrival {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
  readonly tailBytes: number;
}
interface Train {
  readonly atMs: number;
  readonly bytes: number;
  readonly ms: number;
}

/**
 * What a path carries, without filling it: packets of one frame that leave together arrive spread by
 * the bottleneck, at its rate (packet trains; Pudica, NSDI 2024, reads frames like that). Rates in
 * bit/s of RTP. Pure.
 */
export class Capacity {
  #trains: Train[] = [];
  #arrivals: Arrival[] = [];
  #newestReportMs = 0;

  take(bursts: readonly Burst[]): void {
    const first = bursts.find(({ arrivalMs }) => arrivalMs !== null)?.arrivalMs;
    if (first !== undefined && first !== null) this.#newestReportMs = first;
    for (const burst of bursts) {
      const { arrivalMs, arrivalSpanMs, sentSpanMs, bytes, tailBytes } = burst;
      if (arrivalMs === null || arrivalSpanMs === null || sentSpanMs === null) continue;
      const toMs = arrivalMs + arrivalSpanMs;
      this.#arrivals.push({ fromMs: arrivalMs, toMs, bytes, tailBytes });
      const ms = Math.max(arrivalSpanMs, UNIT_MS);
      if (tailBytes > 0 && sentSpanMs < SPREAD * ms) {
        this.#trains.push({ atMs: arrivalMs, bytes: tailBytes, ms });
      }
    }
    const newest = this.#newest;
    this.#trains = this.#trains.filter(({ atMs }) => newest - atMs <= TRAINS_MS).slice(-TRAINS);
    this.#arrivals = this.#arrivals.filter(({ fromMs }) => newest - fromMs <= RECEIVE_MS);
  }

  /** By the trains of the last second and a half; undefined: too few, or jitter makes each another. */
  trainsBps(noiseMs: number): number | undefined {
    return agree(this.#trains) ? rateOf(this.#trains, LEAST, noiseMs) : undefined;
  }

  /** By the trains of the newest report alone: what the path carries now, if it carries less than is sent. */
  newestTrainsBps(noiseMs: number): number | undefined {
    const newest = this.#trains.filter(({ atMs }) => atMs >= this.#newestReportMs);
    return rateOf(newest, FEW, noiseMs);
  }

  /**
   * A radio that pauses holds back everything for a while, and lets all go at once: one gap between
   * arrivals is so much longer than any other. ms beyond that other; 0: none.
   */
  get pauseMs(): number {
    const [longest = 0, next = 0] = this.#arrivals
      .map(({ fromMs }, index) => fromMs - (this.#arrivals[index - 1]?.toMs ?? fromMs))
      .sort((a, b) => b - a);
    return longest - next > PAUSE_MS ? longest - next : 0;
  }

  /** What has arrived lately, pauses left out; undefined: too little. */
  get receiveBps(): number | undefined {
    const [first] = this.#arrivals;
    if (first === undefined) return undefined;
    const span = this.#newest - first.fromMs - this.pauseMs;
    if (span < RECEIVE_LEAST_MS) return undefined;
    const bytes = this.#arrivals.reduce((sum, arrival) => sum + arrival.bytes, 0);
    return ((bytes - (first.bytes - first.tailBytes)) * 8000) / span;
  }

  forget(): void {
    this.#trains = [];
    this.#arrivals = [];
  }

  get #newest(): number {
    return this.#arrivals.reduce((newest, { toMs }) => Math.max(newest, toMs), 0);
  }
}

/** Of all bytes in all the time: long trains count for more, and units even out. */
function rateOf(
  trains: readonly Train[],
  least: { readonly bytes: number; readonly trains: number },
  noiseMs: number,
): number | undefined {
  const bytes = trains.reduce((sum, train) => sum + train.bytes, 0);
  const ms = trains.reduce((sum, train) => sum + train.ms, 0);
  if (trains.length < least.trains || bytes < least.bytes) return undefined;
  if (noiseMs > UNIT_MS * 2 && noiseMs > NOISE_SHARE * (ms / trains.length)) return undefined;
  return (bytes * 8000) / ms;
}

function agree(trains: readonly Train[]): boolean {
  const rates = trains.map(({ bytes, ms }) => bytes / ms);
  const middle = median(rates);
  return median(rates.map((rate) => Math.abs(rate - middle))) <= AGREEMENT * middle;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
