import type { Burst } from '@peerdeck/native-capture';

interface Sample {
  readonly sentMs: number;
  readonly delayMs: number;
}

/** A queue stands when every burst of so long has met it: that of one frame's own packets is gone by then. */
const STANDING_MS = 100;
/** A report of which every burst met so much more than the threshold is one already: no time to lose. */
const SUDDEN_MS = 12;
const NOISE_MS = 2000;
const NOISE_SAMPLES = 8;
/** Times the noise that is no queue yet, over what any path shows. */
const THRESHOLD = { leastMs: 6, noises: 2, mostMs: 60 } as const;
/**
 * The base is the least of half a minute, since clocks drift; of each second what one burst in ten was
 * faster than: where jitter is large, the very fastest is a rare exception that says nothing.
 */
const BASE = { slotMs: 1000, slots: 30, share: 0.1, samples: 5 } as const;

/**
 * Tells a queue that stands from the jitter of a path, by one-way delays over their least. Pure.
 * All times in ms of the clocks in `Burst`.
 */
export class DelayDetector {
  #samples: Sample[] = [];
  /** The least of the newest report. */
  #newestLeastMs: number | undefined;
  #base: { readonly at: number; readonly delays: number[] }[] = [];

  take(bursts: readonly Burst[]): void {
    const delays = bursts.flatMap(({ delayMs }) => delayMs ?? []);
    this.#newestLeastMs = delays.length > 0 ? Math.min(...delays) : undefined;
    for (const { sentMs, delayMs } of bursts) {
      if (delayMs === null) continue;
      this.#samples.push({ sentMs, delayMs });
      const slot = this.#base.at(-1);
      if (slot === undefined || sentMs - slot.at >= BASE.slotMs) {
        this.#base.push({ at: sentMs, delays: [delayMs] });
        if (this.#base.length > BASE.slots) this.#base.shift();
      } else insert(slot.delays, delayMs);
    }
    const newest = this.#samples.at(-1)?.sentMs ?? 0;
    const kept = this.#samples.findIndex(({ sentMs }) => newest - sentMs <= NOISE_MS);
    if (kept > 0) this.#samples.splice(0, kept);
  }

  /** When the newest burst that has a delay was sent. */
  get newestSentMs(): number {
    return this.#samples.at(-1)?.sentMs ?? Number.NEGATIVE_INFINITY;
  }

  /** The queue that all of the newest bursts have met, ms; undefined: too little was sent. */
  get standingMs(): number | undefined {
    const newest = this.#samples.at(-1);
    if (newest === undefined) return undefined;
    const lately = this.#samples.filter(({ sentMs }) => newest.sentMs - sentMs <= STANDING_MS);
    const least = Math.min(...lately.map(({ delayMs }) => delayMs));
    const sudden = (this.#newestLeastMs ?? least) - this.#baseMs;
    return sudden > this.thresholdMs + SUDDEN_MS ? sudden : least - this.#baseMs;
  }

  /** A standing queue above this is one: it rises with the noise of the path. */
  get thresholdMs(): number {
    const { leastMs, noises, mostMs } = THRESHOLD;
    return Math.min(leastMs + noises * this.noiseMs, mostMs);
  }

  /** How much one burst's delay differs from the one before: half of them by more. */
  get noiseMs(): number {
    if (this.#samples.length < NOISE_SAMPLES) return 0;
    const steps = this.#samples
      .slice(1)
      .map(({ delayMs }, index) => Math.abs(delayMs - (this.#samples[index]?.delayMs ?? 0)))
      .sort((a, b) => a - b);
    return steps[Math.floor(steps.length / 2)] ?? 0;
  }

  /** The path is another one: what it shows now is its base. */
  rebase(): void {
    const newest = this.#samples.at(-1);
    const standing = this.standingMs;
    if (newest === undefined || standing === undefined) {
      this.forget();
      return;
    }
    this.#base = [{ at: newest.sentMs, delays: [this.#baseMs + standing] }];
  }

  /** Nothing from before is of use: not even the clocks need be the same. */
  forget(): void {
    this.#samples = [];
    this.#base = [];
  }

  get #baseMs(): number {
    const full = this.#base.filter(({ delays }) => delays.length >= BASE.samples);
    const slots = full.length > 0 ? full : this.#base;
    return Math.min(
      ...slots.map(({ delays }) => delays[Math.floor(delays.length * BASE.share)] ?? Infinity),
    );
  }
}

/** Into a list that is in order. */
function insert(list: number[], value: number): void {
  let at = list.length;
  while (at > 0 && (list[at - 1] ?? 0) > value) at -= 1;
  list.splice(at, 0, value);
}
