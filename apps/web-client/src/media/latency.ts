/** What of VideoFrameCallbackMetadata is read; times in milliseconds of the page's clock. */
export interface FrameTimes {
  readonly presentedFrames: number;
  /** When the picture was handed to the compositor. */
  readonly presentationTime?: number;
  readonly processingDuration?: number;
  readonly receiveTime?: number;
}

export interface FrameSummary {
  /** Presented pictures a second over the window. */
  readonly fps: number;
  /** From the last packet of a picture to its presentation. */
  readonly receiveToShownP50: number | undefined;
  readonly receiveToShownP95: number | undefined;
  /** From handing a picture to the decoder until it could be shown. */
  readonly processingP50: number | undefined;
}

const WINDOW = 240;

/** The last 240 presented pictures; the oldest is forgotten. */
export class FrameLog {
  readonly #frames: { at: number; shown: number; wait?: number; processing?: number }[] = [];

  /**
   * `now`: of the frame callback. It is the begin of the browser's tick, which may lie before the
   * receipt; `expectedDisplayTime` jumps by a vertical blank. So the hand-over counts.
   */
  add(now: number, frame: FrameTimes): void {
    const shownAt = frame.presentationTime ?? now;
    this.#frames.push({
      at: now,
      shown: frame.presentedFrames,
      ...(frame.receiveTime === undefined
        ? {}
        : { wait: Math.max(0, shownAt - frame.receiveTime) }),
      ...(frame.processingDuration === undefined
        ? {}
        : { processing: frame.processingDuration * 1000 }),
    });
    if (this.#frames.length > WINDOW) this.#frames.shift();
  }

  clear(): void {
    this.#frames.length = 0;
  }

  /** Over the pictures of the last `windowMs`. */
  summary(now: number, windowMs = 1000): FrameSummary {
    const frames = this.#frames.filter((frame) => frame.at > now - windowMs);
    const before = this.#frames.at(-frames.length - 1);
    const last = frames.at(-1);
    // Callbacks may skip pictures; the counter does not.
    const first = before ?? frames[0];
    const shown = last === undefined || first === undefined ? 0 : last.shown - first.shown;
    const waits = frames.flatMap((frame) => frame.wait ?? []);
    return {
      fps: (shown * 1000) / windowMs,
      receiveToShownP50: quantile(waits, 0.5),
      receiveToShownP95: quantile(waits, 0.95),
      processingP50: quantile(
        frames.flatMap((frame) => frame.processing ?? []),
        0.5,
      ),
    };
  }
}

/** The nearest-rank quantile; undefined of nothing. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}
