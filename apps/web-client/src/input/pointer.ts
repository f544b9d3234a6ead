import { toPicturePoint, type Box, type PicturePoint, type Size } from './coordinates.ts';

/** What of a PointerEvent is read. */
export interface PointerLike {
  readonly clientX: number;
  readonly clientY: number;
  /** Bits of the buttons that are down: 1 left, 2 right, 4 middle, 8 back, 16 forward. */
  readonly buttons: number;
  readonly movementX: number;
  readonly movementY: number;
}

/** Where the pointer goes; `InputEncoder` of the protocol is one. */
export interface PointerSink {
  position(x: number, y: number): void;
  motion(dx: number, dy: number): void;
  button(button: number, down: boolean, x: number, y: number): void;
  buttonInPlace(button: number, down: boolean): void;
}

/** Bit of `buttons` and number of the button in the protocol, which is `MouseEvent.button`. */
const BUTTONS: readonly (readonly [bit: number, button: number])[] = [
  [1, 0],
  [2, 2],
  [4, 1],
  [8, 3],
  [16, 4],
];

/**
 * Mouse and pen: positions on the picture, or motion while the pointer is locked, and buttons.
 * Buttons are read from the set that is down, not from single events: browsers report a second
 * button by a move, and may swallow a release outside the window.
 */
export class Pointer {
  readonly #sink: PointerSink;
  readonly #geometry: () => { readonly box: Box; readonly picture: Size };
  #held = 0;
  #last: PicturePoint | undefined;
  #restX = 0;
  #restY = 0;
  #locked = false;

  constructor(options: {
    readonly sink: PointerSink;
    /** The video element's box and the size of its picture, now. */
    readonly geometry: () => { readonly box: Box; readonly picture: Size };
  }) {
    this.#sink = options.sink;
    this.#geometry = options.geometry;
  }

  /** While locked the host is told motion, not places. */
  set locked(locked: boolean) {
    this.#locked = locked;
    this.#restX = 0;
    this.#restY = 0;
  }

  /** How many buttons are down. */
  get held(): number {
    return BUTTONS.filter(([bit]) => (this.#held & bit) !== 0).length;
  }

  /** True if it is for the host: beside the picture only what began on it is. */
  down(event: PointerLike): boolean {
    if (!this.#locked) {
      const point = this.#locate(event);
      if (point === undefined || (!point.inside && this.#held === 0)) return false;
      this.#last = point;
    }
    this.#buttons(event.buttons, this.#last);
    return true;
  }

  /** True if something was sent. */
  move(event: PointerLike): boolean {
    if (this.#locked) {
      this.#motion(event);
    } else {
      const point = this.#locate(event);
      if (point === undefined) return false;
      if (!point.inside && this.#held === 0) return false;
      const same = this.#last?.x === point.x && this.#last.y === point.y;
      this.#last = point;
      if (same && event.buttons === this.#held) return false;
      if (!same) this.#sink.position(point.x, point.y);
    }
    // A press is taken by `down` alone; here only what happens while a button is held.
    if (this.#held !== 0) this.#buttons(event.buttons, this.#last);
    return true;
  }

  up(event: PointerLike): void {
    if (this.#held === 0) return;
    if (!this.#locked) this.#last = this.#locate(event) ?? this.#last;
    this.#buttons(event.buttons & this.#held, this.#last);
  }

  /** Lets every button go that is down. */
  releaseAll(): void {
    this.#buttons(0, this.#last);
  }

  #locate(event: PointerLike): PicturePoint | undefined {
    const { box, picture } = this.#geometry();
    return toPicturePoint({ x: event.clientX, y: event.clientY }, box, picture);
  }

  /** Screens with a fractional pixel ratio report fractions; their rests add up. */
  #motion(event: PointerLike): void {
    const x = this.#restX + event.movementX;
    const y = this.#restY + event.movementY;
    const dx = Math.trunc(x);
    const dy = Math.trunc(y);
    this.#restX = x - dx;
    this.#restY = y - dy;
    if (dx !== 0 || dy !== 0) this.#sink.motion(dx, dy);
  }

  #buttons(now: number, at: PicturePoint | undefined): void {
    for (const [bit, button] of BUTTONS) {
      const isDown = (now & bit) !== 0;
      if (isDown === ((this.#held & bit) !== 0)) continue;
      if (this.#locked || at === undefined) this.#sink.buttonInPlace(button, isDown);
      else this.#sink.button(button, isDown, at.x, at.y);
    }
    this.#held = now & 31;
  }
}
