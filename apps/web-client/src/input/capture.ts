import { InputEncoder, type InputChannel, type Timers } from '@peerdeck/protocol';
import type { Size } from './coordinates.ts';
import { Keyboard, type KeyLike } from './keyboard.ts';
import { Pointer, type PointerLike } from './pointer.ts';
import { releaseOnLeave } from './release.ts';
import { TextField } from './text.ts';
import { Touch } from './touch.ts';
import { WheelScale } from './wheel.ts';

/** Positions cross an unreliable channel: the last of a movement is sent twice. */
const SETTLE_MS = 60;
/**
 * Mice report up to 8000 times a second, and hosts limit how much they take. The first move goes
 * out at once; what follows within this time goes together.
 */
const MOVE_SPACING_MS = 3;

export interface CaptureOptions {
  /** What takes pointer events; the video lies in it. */
  readonly surface: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly textField: HTMLTextAreaElement;
  readonly send: (channel: InputChannel, message: Uint8Array<ArrayBuffer>) => void;
  readonly pictureSize: () => Size;
  /** Tells, and acts on, the page's own shortcuts. */
  readonly shortcut: (event: KeyLike) => boolean;
  readonly onPointerLock: (locked: boolean) => void;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly isMac: boolean;
}

/**
 * Everything that a viewer does with keyboard, mouse and fingers on the picture, while it is
 * enabled. Nothing of it is kept. Turning it off, losing the focus or hiding the page releases
 * all that is held. `close()` is idempotent.
 */
export class InputCapture {
  readonly #options: CaptureOptions;
  readonly #encoder: InputEncoder;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  readonly #touch: Touch;
  readonly #wheel = new WheelScale();
  readonly #text: TextField;
  readonly #listening = new AbortController();
  readonly #stopRelease: () => void;
  #enabled = false;
  #settle: unknown;
  #moveTimer: unknown;
  #movedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const encoder = new InputEncoder({ send: options.send });
    this.#encoder = encoder;
    const sink = {
      position: (x: number, y: number) => {
        encoder.position(x, y);
        this.#settleLater(x, y);
      },
      motion: (dx: number, dy: number) => {
        this.#options.timers.clear(this.#settle);
        encoder.motion(dx, dy);
      },
      button: (button: number, down: boolean, x: number, y: number) => {
        // A button brings its own position; repeating an older one would move the pointer away.
        this.#options.timers.clear(this.#settle);
        encoder.button(button, down, x, y);
      },
      buttonInPlace: (button: number, down: boolean) => encoder.buttonInPlace(button, down),
    };
    const geometry = () => ({
      box: options.video.getBoundingClientRect(),
      picture: options.pictureSize(),
    });
    this.#keyboard = new Keyboard({
      sink: encoder,
      isMac: options.isMac,
      shortcut: options.shortcut,
    });
    this.#pointer = new Pointer({ sink, geometry });
    this.#touch = new Touch({
      sink,
      geometry,
      timers: options.timers,
      flush: () => encoder.flush(),
      scroll: (deltaX, deltaY) => this.#scroll({ deltaX, deltaY, deltaMode: 0 }),
    });
    this.#text = new TextField({
      field: options.textField,
      isEnabled: () => this.#enabled,
      sink: {
        text: (text) => {
          encoder.text(text);
          encoder.flush();
        },
        press: (code) => this.press([code]),
      },
    });
    this.#stopRelease = releaseOnLeave(window, () => this.release());
    this.#listen();
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  set enabled(enabled: boolean) {
    if (enabled === this.#enabled) return;
    if (!enabled) this.release();
    this.#enabled = enabled;
    this.#wheel.reset();
    if (!enabled) {
      this.#encoder.clear();
      this.leavePointerLock();
    }
  }

  /** Keys that browsers or systems keep for themselves, by KeyboardEvent.code. */
  press(codes: readonly string[]): void {
    if (!this.#enabled) return;
    this.#keyboard.chord(codes);
    this.#encoder.flush();
  }

  /** Lets go of all keys and buttons, here and at the host. */
  release(): void {
    const held = this.#keyboard.held + this.#pointer.held;
    this.#keyboard.releaseAll();
    this.#pointer.releaseAll();
    this.#touch.releaseAll();
    if (!this.#enabled) return;
    if (held > 0) this.#encoder.releaseAll();
    this.#encoder.flush();
  }

  /** Relative motion without acceleration, for games. Rejects where the browser refuses. */
  async enterPointerLock(): Promise<void> {
    const { surface } = this.#options;
    try {
      await surface.requestPointerLock({ unadjustedMovement: true });
    } catch (error) {
      // Systems without raw motion refuse that option, not the lock.
      if (!(error instanceof DOMException) || error.name !== 'NotSupportedError') throw error;
      await surface.requestPointerLock();
    }
  }

  leavePointerLock(): void {
    if (document.pointerLockElement === this.#options.surface) document.exitPointerLock();
  }

  /** Puts the keyboard's focus where keys are taken. */
  focus(): void {
    const touch = matchMedia('(hover: none) and (pointer: coarse)').matches;
    // With fingers, focus in a text field would open the touch keyboard each time.
    (touch ? this.#options.surface : this.#options.textField).focus({ preventScroll: true });
  }

  close(): void {
    this.enabled = false;
    this.#listening.abort();
    this.#stopRelease();
    this.#text.close();
    this.#options.timers.clear(this.#settle);
    this.#options.timers.clear(this.#moveTimer);
  }

  #listen(): void {
    const { surface } = this.#options;
    const { signal } = this.#listening;
    const on = <Name extends keyof HTMLElementEventMap>(
      name: Name,
      handle: (event: HTMLElementEventMap[Name]) => void,
    ) => surface.addEventListener(name, handle, { signal, passive: false });
    on('keydown', (event) => this.#key(event, 'keyDown'));
    on('keyup', (event) => this.#key(event, 'keyUp'));
    // While nothing has the focus, keys come to the page itself: they are for the picture too.
    for (const [name, kind] of [
      ['keydown', 'keyDown'],
      ['keyup', 'keyUp'],
    ] as const) {
      const unfocused = (event: KeyboardEvent) => {
        const isNowhere = event.target === document.body && this.#enabled;
        if (isNowhere && document.querySelector('dialog[open]') === null) this.#key(event, kind);
      };
      document.addEventListener(name, unfocused, { signal });
    }
    // The mouse's back and forward buttons are the host's, and would leave the page besides. A
    // browser acts on their release, and tells it as a mouse event only if the pointer's was left
    // alone; the middle button starts scrolling when it is pressed.
    for (const name of ['mousedown', 'mouseup', 'auxclick'] as const) {
      on(name, (event) => {
        if (this.#enabled || event.button > 2) event.preventDefault();
      });
    }
    on('pointerdown', (event) => this.#pointerDown(event));
    on('pointermove', (event) => this.#pointerMove(event));
    on('pointerup', (event) => this.#pointerUp(event));
    on('pointercancel', (event) => this.#pointerUp(event));
    on('wheel', (event) => {
      if (!this.#enabled) return;
      event.preventDefault();
      this.#scroll(event);
    });
    on('contextmenu', (event) => event.preventDefault());
    // Before the browser aligns moves with its frames; https only.
    surface.addEventListener(
      'pointerrawupdate' as 'pointermove',
      (event) => {
        if (event.pointerType !== 'touch') this.#pointerMove(event);
      },
      { signal },
    );
    document.addEventListener(
      'pointerlockchange',
      () => {
        const locked = document.pointerLockElement === surface;
        this.#pointer.locked = locked;
        this.#options.onPointerLock(locked);
      },
      { signal },
    );
  }

  #key(event: KeyboardEvent, kind: 'keyDown' | 'keyUp'): void {
    if (!this.#enabled) {
      if (kind === 'keyDown' && this.#options.shortcut(event)) event.preventDefault();
      return;
    }
    if (this.#keyboard[kind](event) !== 'left') event.preventDefault();
    this.#encoder.flush();
  }

  #pointerDown(event: PointerEvent): void {
    if (!this.#enabled) return;
    if (event.pointerType === 'touch') {
      this.#touch.down(event);
      event.preventDefault();
    } else {
      this.#pointer.down(event);
    }
    this.#hold(event.pointerId);
    if (document.activeElement !== this.#options.textField) this.focus();
    this.#encoder.flush();
  }

  #pointerMove(event: PointerEvent): void {
    if (!this.#enabled) return;
    if (event.pointerType === 'touch') this.#touch.move(event);
    else this.#pointer.move(this.#isCountedTwice(event) ? withoutMotion(event) : event);
    this.#flushMove();
  }

  #pointerUp(event: PointerEvent): void {
    if (!this.#enabled) return;
    if (event.pointerType !== 'touch') this.#pointer.up(event);
    else if (event.type === 'pointercancel') this.#touch.releaseAll();
    else this.#touch.up(event);
    this.#encoder.flush();
  }

  #flushMove(): void {
    const { timers, now } = this.#options;
    const wait = this.#movedAt + MOVE_SPACING_MS - now();
    if (wait <= 0) {
      this.#movedAt = now();
      this.#encoder.flush();
      return;
    }
    this.#moveTimer ??= timers.set(() => {
      this.#moveTimer = undefined;
      this.#movedAt = now();
      if (this.#enabled) this.#encoder.flush();
    }, wait);
  }

  /** Where raw updates exist, a move repeats the motion that they told. */
  #isCountedTwice(event: PointerEvent): boolean {
    return event.type === 'pointermove' && 'onpointerrawupdate' in window;
  }

  /** A drag goes on outside of the window. */
  #hold(pointerId: number): void {
    try {
      this.#options.surface.setPointerCapture(pointerId);
    } catch {
      // The pointer is gone already, or locked.
    }
  }

  #scroll(event: { deltaX: number; deltaY: number; deltaMode: number }): void {
    const steps = this.#wheel.add(event);
    if (steps === undefined) return;
    this.#encoder.wheel(steps.dx, steps.dy);
    this.#encoder.flush();
  }

  #settleLater(x: number, y: number): void {
    const { timers } = this.#options;
    timers.clear(this.#settle);
    this.#settle = timers.set(() => {
      if (!this.#enabled) return;
      this.#encoder.position(x, y);
      this.#encoder.flush();
    }, SETTLE_MS);
  }
}

function withoutMotion({ clientX, clientY, buttons }: PointerEvent): PointerLike {
  return { clientX, clientY, buttons, movementX: 0, movementY: 0 };
}
