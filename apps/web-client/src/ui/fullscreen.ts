interface KeyboardLock {
  lock?(): Promise<void>;
  unlock?(): void;
}

/**
 * Fullscreen of the session, and there the keys that browsers keep otherwise (Esc, Alt+Tab, …)
 * where the browser gives them: Chromium, over https.
 */
export class Fullscreen {
  readonly #stage: HTMLElement;
  readonly #keyboard: KeyboardLock | undefined;
  readonly #onChange: (on: boolean) => void;

  constructor(options: { readonly stage: HTMLElement; readonly onChange: (on: boolean) => void }) {
    this.#stage = options.stage;
    this.#onChange = options.onChange;
    this.#keyboard = (navigator as Navigator & { readonly keyboard?: KeyboardLock }).keyboard;
    document.addEventListener('fullscreenchange', () => {
      if (!this.on) this.#keyboard?.unlock?.();
      this.#onChange(this.on);
    });
  }

  get available(): boolean {
    return document.fullscreenEnabled;
  }

  get on(): boolean {
    return document.fullscreenElement === this.#stage;
  }

  /** Whether Esc, Alt+Tab and the like can reach the host in fullscreen. */
  get locksKeyboard(): boolean {
    return this.#keyboard?.lock !== undefined;
  }

  async toggle(): Promise<void> {
    if (this.on) {
      await document.exitFullscreen();
      return;
    }
    await this.#stage.requestFullscreen({ navigationUI: 'hide' });
    await this.#keyboard?.lock?.().catch(() => undefined);
  }
}
