import type { Timers } from '@peerdeck/protocol';
import { readSample, type Sample } from './sample.ts';
import { qualityOf, steadyQuality, summarize, type Quality, type ViewerStats } from './summary.ts';

const INTERVAL_MS = 1000;

/** Reads the browser's statistics once a second while it is started. */
export class StatsCollector {
  readonly #read: () => Promise<RTCStatsReport | undefined>;
  readonly #onStats: (stats: ViewerStats, quality: Quality | undefined) => void;
  readonly #timers: Timers;
  readonly #now: () => number;
  #before: Sample | undefined;
  #quality: Quality | undefined;
  #timer: unknown;
  #running = false;

  constructor(options: {
    readonly read: () => Promise<RTCStatsReport | undefined>;
    readonly onStats: (stats: ViewerStats, quality: Quality | undefined) => void;
    readonly timers: Timers;
    readonly now: () => number;
  }) {
    this.#read = options.read;
    this.#onStats = options.onStats;
    this.#timers = options.timers;
    this.#now = options.now;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#before = undefined;
    this.#quality = undefined;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.#timers.clear(this.#timer);
  }

  #schedule(): void {
    this.#timer = this.#timers.set(() => void this.#tick(), INTERVAL_MS);
  }

  async #tick(): Promise<void> {
    // A peer that closes meanwhile has no report, and the next one starts anew.
    const report = await this.#read().catch(() => undefined);
    if (!this.#running) return;
    this.#schedule();
    if (report === undefined) {
      this.#before = undefined;
      return;
    }
    const sample = readSample(entriesOf(report), this.#now());
    const stats = summarize(this.#before, sample);
    this.#before = sample;
    const quality = qualityOf(stats);
    this.#onStats(stats, steadyQuality(this.#quality, quality));
    this.#quality = quality;
  }
}

function entriesOf(report: RTCStatsReport): [string, unknown][] {
  const entries: [string, unknown][] = [];
  report.forEach((value: unknown, id) => entries.push([id, value]));
  return entries;
}
