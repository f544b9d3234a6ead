import type { Timers } from '@peerdeck/protocol';
import { toPicturePoint, type Box, type PicturePoint, type Size } from './coordinates.ts';
import type { PointerSink } from './pointer.ts';

export interface TouchLike {
  readonly pointerId: number;
  readonly clientX: number;
  readonly clientY: number;
}

const LONG_PRESS_MS = 500;
/** CSS pixels that a finger may tremble and still tap. */
const SLOP = 8;

type Gesture =
  | { readonly kind: 'none' }
  /** One finger is down and has not moved: a tap, a long press or the start of a drag. */
  | { readonly kind: 'pending'; readonly start: TouchLike; readonly at: PicturePoint }
  | { readonly kind: 'drag'; at: PicturePoint }
  | { readonly kind: 'scroll'; y: number; x: number }
  /** Done; waits until the fingers are up. */
  | { readonly kind: 'over' };

/**
 * Fingers as a mouse: tap is a left click, long press a right click, a moving finger drags with
 * the left button, two fingers scroll.
 */
export class Touch {
  readonly #sink: PointerSink;
  readonly #geometry: () => { readonly box: Box; readonly picture: Size };
  readonly #scroll: (deltaX: number, deltaY: number) => void;
  readonly #flush: () => void;
  readonly #timers: Timers;
  /** Fingers that are down; at most ten or so. */
  readonly #fingers = new Map<number, TouchLike>();
  #gesture: Gesture = { kind: 'none' };
  #timer: unknown;

  /** `scroll`: pixels, down and right positive. `flush`: after what a timer did. */
  constructor(options: {
    readonly sink: PointerSink;
    readonly geometry: () => { readonly box: Box; readonly picture: Size };
    readonly scroll: (deltaX: number, deltaY: number) => void;
    readonly flush: () => void;
    readonly timers: Timers;
  }) {
    this.#sink = options.sink;
    this.#geometry = options.geometry;
    this.#scroll = options.scroll;
    this.#flush = options.flush;
    this.#timers = options.timers;
  }

  down(touch: TouchLike): void {
    this.#fingers.set(touch.pointerId, touch);
    if (this.#fingers.size === 1) {
      const at = this.#locate(touch);
      if (at?.inside !== true) return;
      this.#gesture = { kind: 'pending', start: touch, at };
      this.#sink.position(at.x, at.y);
      this.#timer = this.#timers.set(() => {
        this.#click(2, at);
        this.#gesture = { kind: 'over' };
        this.#flush();
      }, LONG_PRESS_MS);
    } else if (this.#fingers.size === 2 && this.#gesture.kind === 'pending') {
      this.#timers.clear(this.#timer);
      this.#gesture = { kind: 'scroll', ...this.#middle() };
    }
  }

  move(touch: TouchLike): void {
    if (!this.#fingers.has(touch.pointerId)) return;
    this.#fingers.set(touch.pointerId, touch);
    const gesture = this.#gesture;
    if (gesture.kind === 'pending') {
      const { start, at } = gesture;
      if (Math.hypot(touch.clientX - start.clientX, touch.clientY - start.clientY) <= SLOP) return;
      this.#timers.clear(this.#timer);
      this.#sink.button(0, true, at.x, at.y);
      this.#gesture = { kind: 'drag', at };
      this.#drag(touch, this.#gesture);
    } else if (gesture.kind === 'drag') {
      this.#drag(touch, gesture);
    } else if (gesture.kind === 'scroll') {
      const { x, y } = this.#middle();
      // The content follows the fingers.
      this.#scroll(gesture.x - x, gesture.y - y);
      this.#gesture = { kind: 'scroll', x, y };
    }
  }

  up(touch: TouchLike): void {
    if (!this.#fingers.delete(touch.pointerId)) return;
    const gesture = this.#gesture;
    if (gesture.kind === 'pending') {
      this.#timers.clear(this.#timer);
      this.#click(0, gesture.at);
      this.#gesture = { kind: 'none' };
    } else if (gesture.kind === 'drag') {
      this.#sink.button(0, false, gesture.at.x, gesture.at.y);
      this.#gesture = { kind: 'over' };
    } else if (gesture.kind === 'scroll') {
      this.#gesture = { kind: 'over' };
    }
    if (this.#fingers.size === 0) this.#gesture = { kind: 'none' };
  }

  /** The system took the fingers away, or the session ends. */
  releaseAll(): void {
    this.#timers.clear(this.#timer);
    if (this.#gesture.kind === 'drag') {
      const { at } = this.#gesture;
      this.#sink.button(0, false, at.x, at.y);
    }
    this.#fingers.clear();
    this.#gesture = { kind: 'none' };
  }

  #drag(touch: TouchLike, gesture: { at: PicturePoint }): void {
    const at = this.#locate(touch);
    if (at === undefined) return;
    gesture.at = at;
    this.#sink.position(at.x, at.y);
  }

  #click(button: number, at: PicturePoint): void {
    this.#sink.button(button, true, at.x, at.y);
    this.#sink.button(button, false, at.x, at.y);
  }

  #locate(touch: TouchLike): PicturePoint | undefined {
    const { box, picture } = this.#geometry();
    return toPicturePoint({ x: touch.clientX, y: touch.clientY }, box, picture);
  }

  #middle(): { x: number; y: number } {
    let x = 0;
    let y = 0;
    for (const finger of this.#fingers.values()) {
      x += finger.clientX;
      y += finger.clientY;
    }
    const count = Math.max(1, this.#fingers.size);
    return { x: x / count, y: y / count };
  }
}
