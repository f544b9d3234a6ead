import { byId, setText } from './dom.ts';

export interface Asked {
  readonly title: string;
  readonly text: string;
  /** What is done after a yes; the other button is the safe one, and has the focus. */
  readonly yes: string;
  readonly no: string;
}

/** A question over all that is there, asked one at a time; Esc is a no. */
export class Question {
  readonly #dialog = byId('question', HTMLDialogElement);
  readonly #title = byId('question-title', HTMLElement);
  readonly #text = byId('question-text', HTMLElement);
  readonly #yes = byId('question-yes', HTMLButtonElement);
  readonly #no = byId('question-no', HTMLButtonElement);
  #answer: ((yes: boolean) => void) | undefined;

  constructor() {
    this.#yes.addEventListener('click', () => this.#close(true));
    this.#no.addEventListener('click', () => this.#close(false));
    this.#dialog.addEventListener('close', () => this.#close(false));
  }

  get isOpen(): boolean {
    return this.#answer !== undefined;
  }

  /** A question that still waits counts as a no. */
  ask({ title, text, yes, no }: Asked): Promise<boolean> {
    this.withdraw();
    setText(this.#title, title);
    setText(this.#text, text);
    setText(this.#yes, yes);
    setText(this.#no, no);
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#dialog.showModal();
      this.#no.focus();
    });
  }

  /** What it was about is gone. */
  withdraw(): void {
    this.#close(false);
  }

  #close(yes: boolean): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (this.#dialog.open) this.#dialog.close();
    answer?.(yes);
  }
}
