import type { ArrivalReport, Pace, PeerFeedback } from '@peerdeck/native-capture';
import type { Config } from '../config.ts';
import { RoundTrip } from '../round-trip.ts';
import { BitrateController, type BitrateDecision } from './bitrate-controller.ts';

/** Under this rate the round trip is measured every fifth tick only: twice a second. */
const RESTING_BPS = 50_000;
const RESTING_TICKS = 5;
/** The rate sent is the most of so many reports. */
const REPORTS = 5;
/** Smaller steps are no news for the pacer. */
const NEWS = { rate: 0.02, window: 0.05 } as const;

/** What one viewer's path carries: reports and round trips in, decisions out. Pure. */
export class PathEstimate {
  readonly #controller: BitrateController;
  readonly #roundTrip = new RoundTrip();
  readonly #sendRates: number[] = [];
  readonly #fps: number;
  #decision: BitrateDecision | undefined;
  #feedback: PeerFeedback | undefined;
  #pace: Pace | undefined;
  #ticks = 0;

  constructor(config: Config, picture: { readonly width: number; readonly height: number }) {
    const { bitrateMin, bitrateStart, bitrateMax, fps } = config.host.video;
    this.#fps = fps;
    this.#controller = new BitrateController({
      limits: { minBps: bitrateMin, startBps: bitrateStart, maxBps: bitrateMax },
      video: { fps, ...picture },
    });
  }

  get decision(): BitrateDecision | undefined {
    return this.#decision;
  }

  /** The newest of the statistics, for people. */
  get feedback(): PeerFeedback | undefined {
    return this.#feedback;
  }

  get rttMs(): number | undefined {
    return this.#roundTrip.ms;
  }

  setPicture(picture: { readonly width: number; readonly height: number }): void {
    this.#controller.setVideo({ fps: this.#fps, ...picture });
  }

  /** With each report of the viewer. */
  report(report: ArrivalReport, now: number): BitrateDecision {
    return (this.#decision = this.#controller.report(report, now));
  }

  /** Ten times a second, whatever comes. */
  tick(now: number): BitrateDecision {
    return (this.#decision = this.#controller.tick(now));
  }

  /** ICE has chosen other candidates. */
  pathChanged(now: number): void {
    this.#controller.pathChanged(now);
  }

  take(feedback: PeerFeedback): void {
    this.#feedback = feedback;
    this.#sendRates.push((feedback.sentBytes * 8000) / Math.max(feedback.intervalMs, 1));
    if (this.#sendRates.length > REPORTS) this.#sendRates.shift();
  }

  /** What the pacer should be told; undefined: nothing new. */
  newPace(): Pace | undefined {
    const pace = this.#decision?.pace;
    if (pace === undefined || !isNews(pace, this.#pace)) return undefined;
    this.#pace = pace;
    return pace;
  }

  /** Ten times a second: the ping to send now, if one is due. */
  ping(now: number): { type: 'ping'; id: number; t: number } | undefined {
    this.#ticks += 1;
    if (this.#isResting() && this.#ticks % RESTING_TICKS !== 0) return undefined;
    return this.#roundTrip.ping(now);
  }

  pong(id: number, now: number): void {
    this.#roundTrip.pong(id, now);
  }

  /** Next to nothing is sent, so the path's state changes nothing: pings can be rarer. */
  #isResting(): boolean {
    return this.#sendRates.length > 0 && Math.max(...this.#sendRates) < RESTING_BPS;
  }
}

function isNews(pace: Pace, last: Pace | undefined): boolean {
  if (last === undefined || pace.gain !== last.gain) return true;
  const differs = (a: number, b: number, share: number) => Math.abs(a - b) > share * b;
  return (
    differs(pace.bitsPerSecond, last.bitsPerSecond, NEWS.rate) ||
    differs(pace.windowBytes, last.windowBytes, NEWS.window)
  );
}
