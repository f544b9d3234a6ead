/** What a bitrate is spent on. `scale` is of the source's width and height. */
export interface Quality {
  readonly fps: number;
  readonly scale: number;
}

export interface LadderLimits {
  readonly fps: number;
  readonly width: number;
  readonly height: number;
}

/** Bits for a pixel of a picture below which x264 at these settings only smears. */
const BITS_PER_PIXEL = 0.02;
const DOWN_AFTER_MS = 500;
const UP_AFTER_MS = 3000;
const UP_HEADROOM = 1.35;

/**
 * Steps down when the bitrate cannot carry the picture: first the frame rate, then the size; and
 * back up with headroom and patience, so that it never flutters between two rungs. Pure.
 */
export class QualityLadder {
  readonly #rungs: readonly (Quality & { readonly needsBps: number })[];
  #rung = 0;
  #downSince: number | undefined;
  #upSince: number | undefined;

  constructor(limits: LadderLimits) {
    const half = Math.min(limits.fps, Math.max(30, limits.fps / 2));
    const slow = Math.min(limits.fps, 20);
    const rungs: Quality[] = [
      { fps: limits.fps, scale: 1 },
      { fps: half, scale: 1 },
      { fps: half, scale: 0.75 },
      { fps: half, scale: 0.5 },
      { fps: slow, scale: 0.5 },
    ];
    const distinct = rungs.filter(
      (rung, at) =>
        at === 0 || rung.fps !== rungs[at - 1]?.fps || rung.scale !== rungs[at - 1]?.scale,
    );
    const pixels = Math.max(limits.width * limits.height, 1);
    this.#rungs = distinct.map((rung) => ({
      ...rung,
      needsBps: BITS_PER_PIXEL * pixels * rung.scale ** 2 * rung.fps,
    }));
  }

  update(bitrateBps: number, now: number): Quality {
    const here = this.#rungs[this.#rung];
    const above = this.#rungs[this.#rung - 1];
    const tooLow = here !== undefined && bitrateBps < here.needsBps;
    const enough = above !== undefined && bitrateBps > above.needsBps * UP_HEADROOM;
    this.#downSince = tooLow ? (this.#downSince ?? now) : undefined;
    this.#upSince = enough ? (this.#upSince ?? now) : undefined;
    if (this.#downSince !== undefined && now - this.#downSince >= DOWN_AFTER_MS) this.#move(1);
    else if (this.#upSince !== undefined && now - this.#upSince >= UP_AFTER_MS) this.#move(-1);
    const rung = this.#rungs[this.#rung];
    return { fps: rung?.fps ?? 30, scale: rung?.scale ?? 1 };
  }

  #move(by: 1 | -1): void {
    this.#rung = Math.min(Math.max(this.#rung + by, 0), this.#rungs.length - 1);
    this.#downSince = undefined;
    this.#upSince = undefined;
  }
}
