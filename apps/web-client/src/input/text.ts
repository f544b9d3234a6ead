/** Where text goes that no key gives. */
export interface TextSink {
  text(text: string): void;
  /** A key pressed and released, by KeyboardEvent.code. */
  press(code: string): void;
}

/**
 * Something must stand before the caret, or touch keyboards report no Backspace. Two, so that a
 * word deletion leaves one.
 */
const PADDING = '\u00a0\u00a0';

/** Keys that touch keyboards tell only by what they do to the text. */
const KEY_OF_EDIT: Readonly<Record<string, string>> = {
  deleteContentBackward: 'Backspace',
  deleteWordBackward: 'Backspace',
  deleteContentForward: 'Delete',
  insertLineBreak: 'Enter',
  insertParagraph: 'Enter',
};

/**
 * A text field that nobody sees: input methods and touch keyboards write into it, and what they
 * wrote goes to the host. It is emptied after each word, so the page keeps no text.
 */
export class TextField {
  readonly #field: HTMLTextAreaElement;
  readonly #sink: TextSink;
  readonly #isEnabled: () => boolean;
  readonly #listening = new AbortController();

  constructor(options: {
    readonly field: HTMLTextAreaElement;
    readonly sink: TextSink;
    readonly isEnabled: () => boolean;
  }) {
    this.#field = options.field;
    this.#sink = options.sink;
    this.#isEnabled = options.isEnabled;
    const { signal } = this.#listening;
    this.#field.addEventListener('input', (event) => this.#input(event as InputEvent), { signal });
    this.#field.addEventListener('compositionend', (event) => this.#composed(event), { signal });
    this.#empty();
  }

  close(): void {
    this.#listening.abort();
    this.#field.value = '';
  }

  #input(event: InputEvent): void {
    if (event.isComposing || event.inputType.startsWith('insertComposition')) return;
    const key = KEY_OF_EDIT[event.inputType];
    const text = event.data ?? this.#field.value.replaceAll('\u00a0', '');
    this.#empty();
    if (!this.#isEnabled()) return;
    if (key !== undefined) this.#sink.press(key);
    else if (event.inputType.startsWith('insert') && text !== '') this.#sink.text(text);
  }

  #composed(event: CompositionEvent): void {
    this.#empty();
    if (this.#isEnabled() && event.data !== '') this.#sink.text(event.data);
  }

  #empty(): void {
    this.#field.value = PADDING;
    this.#field.setSelectionRange(PADDING.length, PADDING.length);
  }
}
