import type { BitrateDecision } from './bitrate/bitrate-controller.ts';
import type { Log } from './log.ts';
import type { Screen } from './screen.ts';

const REFRESH_MS = 2000;
/** Steady growth, or a belief that wears off, is a line of the log so often, and not with each of 15 reports a second. */
const GROWTH_LOGGED_MS = 1000;

/** The one owner of the encoder's rate, and of pictures made anew for those who lost some. */
export class Steering {
  readonly #screen: Screen;
  readonly #log: Log;
  #decision: BitrateDecision | undefined;
  #logged: { readonly at: number; readonly decision: BitrateDecision } | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(screen: Screen, log: Log) {
    this.#screen = screen;
    this.#log = log;
  }

  /** What the encoder was told last. */
  get decision(): BitrateDecision | undefined {
    return this.#decision;
  }

  /** The encoder is another one, or nobody is there: what it was told does not hold. */
  reset(): void {
    this.#decision = undefined;
  }

  /** Who controls decides; nobody in control, the lower median of all. */
  follow(
    all: readonly (BitrateDecision | undefined)[],
    controller: BitrateDecision | undefined,
    now: number,
  ): void {
    const decisions = all
      .filter((one) => one !== undefined)
      .sort((a, b) => a.bitrateBps - b.bitrateBps);
    const next = controller ?? decisions[Math.floor((decisions.length - 1) / 2)];
    if (next === undefined) return;
    const last = this.#decision;
    const rateMoved =
      last === undefined || Math.abs(next.bitrateBps - last.bitrateBps) >= 0.02 * last.bitrateBps;
    if (!rateMoved && next.fps === last.fps && next.scale === last.scale) return;
    this.#decision = next;
    const { bitrateBps: bitsPerSecond, fps, scale } = next;
    this.#screen.setRate({ bitsPerSecond, fps, scale });
    this.#tell(next, now);
  }

  #tell(decision: BitrateDecision, at: number): void {
    const last = this.#logged;
    const isNews =
      last === undefined ||
      at - last.at >= GROWTH_LOGGED_MS ||
      decision.reason !== last.decision.reason ||
      (decision.bitrateBps < last.decision.bitrateBps && decision.reason !== 'unproven');
    if (!isNews) return;
    this.#logged = { at, decision };
    const { bitrateBps, fps, scale, reason } = decision;
    this.#log.info({ bitrateBps, fps, scale, reason }, 'rate');
  }

  /** For whoever lost pictures; not more often than every two seconds, since all pay for it. */
  refresh(now: number): void {
    if (now - this.#refreshedAt < REFRESH_MS) return;
    this.#refreshedAt = now;
    this.#screen.requestKeyframe();
  }
}
