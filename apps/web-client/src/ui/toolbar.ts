import type { Timers } from '@peerdeck/protocol';
import { byId, setText } from './dom.ts';
import { SPECIAL_KEYS } from './special-keys.ts';

const FIRST_LOOK_MS = 3500;
const AWAY_MS = 1200;

export interface ToolbarEvents {
  readonly onFullscreen: () => void;
  readonly onStats: () => void;
  readonly onLockPointer: () => void;
  readonly onKeyboard: () => void;
  readonly onKeys: (codes: readonly string[]) => void;
  readonly onLeave: () => void;
  /** The toolbar closed while it had the focus. */
  readonly onClosed: () => void;
}

/**
 * The bar at the top edge. It opens by its handle (mouse, finger or keyboard), shows itself once
 * when a session begins, and closes when the pointer and the focus are elsewhere.
 */
export class Toolbar {
  readonly #bar = byId('bar', HTMLElement);
  readonly #toolbar = byId('toolbar', HTMLElement);
  readonly #handle = byId('handle', HTMLButtonElement);
  readonly #keys = byId('keys', HTMLElement);
  readonly #keysNote = byId('keys-note', HTMLElement);
  readonly #openKeys = byId('open-keys', HTMLButtonElement);
  readonly #fullscreen = byId('fullscreen', HTMLButtonElement);
  readonly #stats = byId('toggle-stats', HTMLButtonElement);
  readonly #lock = byId('lock-pointer', HTMLButtonElement);
  readonly #keyboard = byId('open-keyboard', HTMLButtonElement);
  readonly #timers: Timers;
  readonly #events: ToolbarEvents;
  #closing: unknown;

  constructor(options: { readonly timers: Timers; readonly events: ToolbarEvents }) {
    this.#timers = options.timers;
    this.#events = options.events;
    const { events } = options;
    this.#fullscreen.addEventListener('click', () => events.onFullscreen());
    this.#stats.addEventListener('click', () => events.onStats());
    this.#lock.addEventListener('click', () => events.onLockPointer());
    this.#keyboard.addEventListener('click', () => events.onKeyboard());
    this.#openKeys.addEventListener('click', () => this.#toggleKeys(this.#keys.hidden !== false));
    byId('leave', HTMLButtonElement).addEventListener('click', () => events.onLeave());
    this.#handle.addEventListener('click', () => this.open(true));
    this.#handle.addEventListener('pointerenter', (event) => {
      if (event.pointerType === 'mouse') this.open(false);
    });
    this.#bar.addEventListener('pointerenter', () => this.#stay(), true);
    this.#bar.addEventListener('pointerleave', () => this.#closeSoon(AWAY_MS), true);
    this.#bar.addEventListener('focusin', () => this.#stay());
    this.#bar.addEventListener('focusout', () => this.#closeSoon(AWAY_MS));
    this.#bar.addEventListener('keydown', (event) => this.#key(event));
    this.#addKeys();
  }

  /** Shows or hides what a session of this role has. */
  session(options: { readonly canControl: boolean; readonly canFullscreen: boolean }): void {
    this.#bar.hidden = false;
    for (const element of [this.#lock, this.#openKeys, this.#keyboard]) {
      element.hidden = !options.canControl;
    }
    this.#fullscreen.hidden = !options.canFullscreen;
    if (!options.canControl) this.#toggleKeys(false);
  }

  /** Shows itself for a moment, so that one knows it is there. */
  introduce(): void {
    this.open(false);
    this.#closeSoon(FIRST_LOOK_MS);
  }

  open(focus: boolean): void {
    this.#stay();
    this.#bar.classList.add('open');
    this.#handle.setAttribute('aria-expanded', 'true');
    if (focus) this.#buttons()[0]?.focus();
  }

  close(): void {
    this.#timers.clear(this.#closing);
    const hadFocus = this.#bar.contains(document.activeElement);
    this.#toggleKeys(false);
    this.#bar.classList.remove('open');
    this.#handle.setAttribute('aria-expanded', 'false');
    if (hadFocus) this.#events.onClosed();
  }

  hide(): void {
    this.#timers.clear(this.#closing);
    this.#toggleKeys(false);
    this.#bar.classList.remove('open');
    this.#bar.hidden = true;
  }

  set fullscreen(on: boolean) {
    this.#fullscreen.setAttribute('aria-pressed', String(on));
    this.#fullscreen.querySelector('use')?.setAttribute('href', on ? '#i-window' : '#i-fullscreen');
    const label = this.#fullscreen.querySelector('span');
    if (label !== null) setText(label, on ? 'Window' : 'Fullscreen');
  }

  set statsShown(on: boolean) {
    this.#stats.setAttribute('aria-pressed', String(on));
  }

  set pointerLocked(on: boolean) {
    this.#lock.setAttribute('aria-pressed', String(on));
  }

  /** Why some keys can't be typed here; empty if they can. */
  set keysNote(text: string) {
    setText(this.#keysNote, text);
    this.#keysNote.hidden = text === '';
  }

  #addKeys(): void {
    for (const { label, codes } of SPECIAL_KEYS) {
      const item = document.createElement('button');
      item.type = 'button';
      item.setAttribute('role', 'menuitem');
      item.textContent = label;
      item.addEventListener('click', () => {
        this.#events.onKeys(codes);
        this.close();
      });
      this.#keys.append(item);
    }
  }

  #toggleKeys(show: boolean): void {
    this.#keys.hidden = !show;
    this.#openKeys.setAttribute('aria-expanded', String(show));
    if (show) this.#items()[0]?.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      if (!this.#keys.hidden) {
        this.#toggleKeys(false);
        this.#openKeys.focus();
      } else {
        this.close();
      }
    } else if (!this.#keys.hidden && this.#keys.contains(document.activeElement)) {
      moveFocus(this.#items(), { ArrowDown: 1, ArrowUp: -1 }[event.key]);
    } else {
      moveFocus(this.#buttons(), { ArrowRight: 1, ArrowLeft: -1 }[event.key]);
    }
  }

  #buttons(): HTMLButtonElement[] {
    return [...this.#toolbar.querySelectorAll('button')].filter(
      (button) => button.checkVisibility?.() ?? !button.hidden,
    );
  }

  #items(): HTMLButtonElement[] {
    return [...this.#keys.querySelectorAll('button')];
  }

  #stay(): void {
    this.#timers.clear(this.#closing);
  }

  #closeSoon(ms: number): void {
    this.#stay();
    this.#closing = this.#timers.set(() => {
      const inUse = this.#toolbar.matches(':hover') || this.#keys.matches(':hover');
      const focused = this.#bar.querySelector(':focus-visible') !== null;
      if (inUse || focused || !this.#keys.hidden) this.#closeSoon(AWAY_MS);
      else this.close();
    }, ms);
  }
}

function moveFocus(elements: readonly HTMLElement[], step: number | undefined): void {
  if (step === undefined || elements.length === 0) return;
  const at = elements.findIndex((element) => element === document.activeElement);
  elements[(at + step + elements.length) % elements.length]?.focus();
}
