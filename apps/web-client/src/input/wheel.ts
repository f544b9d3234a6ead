/** What of a WheelEvent is read. */
export interface WheelLike {
  readonly deltaX: number;
  readonly deltaY: number;
  /** 0 pixels, 1 lines, 2 pages (DOM_DELTA_*). */
  readonly deltaMode: number;
}

/** Wheel travel in 1/120 of a notch (WHEEL_DELTA of Windows); right and down are positive. */
export interface WheelSteps {
  readonly dx: number;
  readonly dy: number;
}

/** CSS pixels that browsers scroll for one notch of a mouse wheel. */
const PIXELS_PER_NOTCH = 100;
/** Lines that systems scroll for one notch. */
const LINES_PER_NOTCH = 3;
const UNITS = 120;
const MAX = 32_767;

/**
 * Turns a browser's wheel deltas into notches. A touchpad reports a few pixels at a time; what
 * is less than one unit is kept for the next event, so slow scrolling is not lost.
 */
export class WheelScale {
  #restX = 0;
  #restY = 0;

  /** The steps of this event, or undefined while they add up to less than one unit. */
  add(event: WheelLike): WheelSteps | undefined {
    const perUnit = unitsPerDelta(event.deltaMode);
    this.#restX = keepDirection(this.#restX, event.deltaX) + event.deltaX * perUnit;
    this.#restY = keepDirection(this.#restY, event.deltaY) + event.deltaY * perUnit;
    const dx = clampWhole(this.#restX);
    const dy = clampWhole(this.#restY);
    if (dx === 0 && dy === 0) return undefined;
    this.#restX -= dx;
    this.#restY -= dy;
    if (Math.abs(this.#restX) >= MAX) this.#restX = 0;
    if (Math.abs(this.#restY) >= MAX) this.#restY = 0;
    return { dx, dy };
  }

  reset(): void {
    this.#restX = 0;
    this.#restY = 0;
  }
}

function unitsPerDelta(mode: number): number {
  if (mode === 1) return UNITS / LINES_PER_NOTCH;
  // A page is what Page Down scrolls: many notches; three keep it usable.
  if (mode === 2) return UNITS * 3;
  return UNITS / PIXELS_PER_NOTCH;
}

/** A rest of the other direction would delay the turn. */
function keepDirection(rest: number, delta: number): number {
  return rest * delta < 0 ? 0 : rest;
}

function clampWhole(value: number): number {
  const whole = Math.trunc(value + Math.sign(value) * 1e-9);
  return Math.max(-MAX, Math.min(MAX, whole)) + 0;
}
