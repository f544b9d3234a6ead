import type { Timers } from '@peerdeck/protocol';
import { byId, setText } from './dom.ts';
import { STEP_LABELS, type Action, type OverlayText } from './messages.ts';

const LABELS: Readonly<Record<Action, string>> = {
  retry: 'Retry now',
  again: 'Connect again',
  leave: 'Leave',
  'change-code': 'Enter another code',
  'enter-token': 'Enter a token',
};

/** The panel over the picture: what happens, until when, and what one can do. */
export class Overlay {
  readonly #root = byId('overlay', HTMLElement);
  readonly #title = byId('overlay-title', HTMLElement);
  readonly #detail = byId('overlay-detail', HTMLElement);
  readonly #steps = byId('overlay-steps', HTMLElement);
  readonly #countdown = byId('overlay-countdown', HTMLElement);
  readonly #remedy = byId('overlay-remedy', HTMLElement);
  readonly #actions = byId('overlay-actions', HTMLElement);
  readonly #technical = byId('overlay-technical', HTMLDetailsElement);
  readonly #announce = byId('announce', HTMLElement);
  readonly #timers: Timers;
  readonly #now: () => number;
  readonly #onAction: (action: Action) => void;
  #shownActions = '';
  #text: OverlayText | undefined;
  #tick: unknown;

  constructor(options: {
    readonly timers: Timers;
    readonly now: () => number;
    readonly onAction: (action: Action) => void;
  }) {
    this.#timers = options.timers;
    this.#now = options.now;
    this.#onAction = options.onAction;
    for (const [step, label] of STEP_LABELS) {
      const item = document.createElement('li');
      item.dataset['step'] = step;
      item.textContent = label;
      this.#steps.append(item);
    }
  }

  /** Undefined hides it. `otherwise` is announced then, for those who do not see the picture. */
  show(text: OverlayText | undefined, otherwise = ''): void {
    this.#text = text;
    this.#timers.clear(this.#tick);
    if (text === undefined) {
      this.#root.hidden = true;
      this.#shownActions = '';
      setText(this.#announce, otherwise);
      return;
    }
    this.#root.dataset['tone'] = text.tone;
    setText(this.#title, text.title);
    optional(this.#detail, text.detail);
    optional(this.#remedy, text.remedy);
    this.#technical.hidden = text.technical === undefined;
    const technical = this.#technical.querySelector('p');
    if (technical !== null) setText(technical, text.technical ?? '');
    this.#showSteps(text);
    this.#root.hidden = false;
    this.#showActions(text.actions);
    this.#countDown();
    setText(
      this.#announce,
      [text.title, text.detail, text.remedy].filter((part) => part !== undefined).join(' '),
    );
  }

  #showSteps({ step }: OverlayText): void {
    this.#steps.hidden = step === undefined;
    let done = step !== undefined;
    for (const item of this.#steps.querySelectorAll('li')) {
      const isCurrent = item.dataset['step'] === step;
      if (isCurrent) done = false;
      item.toggleAttribute('data-done', done);
      if (isCurrent) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    }
  }

  #showActions(actions: readonly Action[]): void {
    const key = actions.join();
    if (key === this.#shownActions) return;
    const focused = document.activeElement;
    const hadFocus = this.#shownActions === '' || this.#actions.contains(focused);
    this.#shownActions = key;
    const buttons = actions.map((action, index) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset['action'] = action;
      button.className = index === 0 && action !== 'leave' ? 'primary' : 'secondary';
      button.textContent = LABELS[action];
      button.addEventListener('click', () => this.#onAction(action));
      return button;
    });
    this.#actions.replaceChildren(...buttons);
    if (hadFocus) buttons[0]?.focus({ preventScroll: true });
  }

  #countDown(): void {
    const { countdownTo, countdownIs = 'try' } = this.#text ?? {};
    this.#countdown.hidden = countdownTo === undefined;
    if (countdownTo === undefined) return;
    const seconds = Math.max(0, Math.ceil((countdownTo - this.#now()) / 1000));
    setText(this.#countdown, countdownText(seconds, countdownIs));
    if (seconds > 0) this.#tick = this.#timers.set(() => this.#countDown(), 250);
  }
}

function countdownText(seconds: number, is: 'try' | 'look' | 'grace'): string {
  if (is === 'grace') return `Its place is kept for ${seconds} s`;
  return `Next ${is} ${seconds === 0 ? 'now' : `in ${seconds} s`}`;
}

function optional(element: HTMLElement, text: string | undefined): void {
  element.hidden = text === undefined;
  setText(element, text ?? '');
}
