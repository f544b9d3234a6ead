import type { PeerFeedback } from '@peerdeck/native-capture';
import { BitrateController, type BitrateDecision } from './bitrate-controller.ts';
import type { Config } from './config.ts';
import { RoundTrip } from './round-trip.ts';

/** Under this rate the round trip is measured every fifth tick only: twice a second. */
const RESTING_BPS = 50_000;
const RESTING_TICKS = 5;
/** The rate sent is the mean of so many reports. */
const REPORTS = 5;

/** What one viewer's path carries: its reports and round trips in, decisions out. Pure. */
export class PathEstimate {
  readonly #controller: BitrateController;
  readonly #roundTrip = new RoundTrip();
  readonly #sendRates: number[] = [];
  readonly #fps: number;
  #decision: BitrateDecision | undefined;
  #feedback: PeerFeedback | undefined;
  #paced = 0;
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

  get feedback(): PeerFeedback | undefined {
    return this.#feedback;
  }

  get rttMs(): number | undefined {
    return this.#roundTrip.ms;
  }

  setPicture(picture: { readonly width: number; readonly height: number }): void {
    this.#controller.setVideo({ fps: this.#fps, ...picture });
  }

  update(feedback: PeerFeedback, now: number): BitrateDecision {
    this.#feedback = feedback;
    this.#sendRates.push((feedback.sentBytes * 8000) / Math.max(feedback.intervalMs, 1));
    if (this.#sendRates.length > REPORTS) this.#sendRates.shift();
    this.#decision = this.#controller.update(
      {
        rttMs: this.#roundTrip.fresh(now, 1000) ?? feedback.rttMs,
        jitterMs: feedback.jitterMs,
        lossFraction: feedback.lossFraction ?? feedback.lossFractionRr,
        queueDelayMs: feedback.queueDelayMs,
        delayTrendMsPerS: feedback.delayTrendMsPerS,
        receiveRateBps: feedback.receiveRateBps,
        sendRateBps: this.#sendRates.reduce((a, b) => a + b, 0) / this.#sendRates.length,
      },
      now,
    );
    return this.#decision;
  }

  /** The rate that the pacer should be told; undefined: steps under two per cent are no news. */
  newPace(): number | undefined {
    const bps = this.#decision?.bitrateBps;
    if (bps === undefined || Math.abs(bps - this.#paced) < 0.02 * this.#paced) return undefined;
    this.#paced = bps;
    return bps;
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
