import type { Timers } from '@peerdeck/protocol';
import { byId, setText } from './dom.ts';

const SHOWN_MS = 5000;

/** One short remark at a time; a newer one replaces it. */
export class Toast {
  readonly #element = byId('toast', HTMLElement);
  readonly #timers: Timers;
  #timer: unknown;

  constructor(options: { readonly timers: Timers }) {
    this.#timers = options.timers;
  }

  show(text: string): void {
    setText(this.#element, text);
    this.#element.hidden = false;
    this.#timers.clear(this.#timer);
    this.#timer = this.#timers.set(() => this.hide(), SHOWN_MS);
  }

  hide(): void {
    this.#timers.clear(this.#timer);
    this.#element.hidden = true;
  }
}
