/**
 * While a session is on, nothing takes the page away without a question. What leaves the page
 * (back, a gesture, a closed tab, a reload) is asked about by the browser, by `beforeunload`. What
 * stays in it is asked about here: one history entry stands in front of the page's own, and going
 * back to that one is undone first. Browsers without `beforeunload` (iOS) have only this one.
 */
export class LeaveGuard {
  readonly #onBack: () => void;
  readonly #listening = new AbortController();
  #active = false;

  /** `onBack`: somebody went back; the page is still there. */
  constructor(onBack: () => void) {
    this.#onBack = onBack;
    const { signal } = this.#listening;
    window.addEventListener('popstate', () => this.#popped(), { signal });
    // An entry that no person's doing came before is skipped by browsers that go back.
    for (const name of ['keydown', 'pointerup'] as const) {
      window.addEventListener(name, () => this.#stand(), { signal, capture: true, passive: true });
    }
  }

  set active(active: boolean) {
    if (active === this.#active) return;
    this.#active = active;
    // Only then: a page with this listener may not be kept by the browser for a fast return.
    if (active) window.addEventListener('beforeunload', ask);
    else window.removeEventListener('beforeunload', ask);
  }

  close(): void {
    this.active = false;
    this.#listening.abort();
  }

  #stand(): void {
    if (!this.#active || isGuard(history.state)) return;
    history.pushState({ ...(history.state as object | null), guard: true }, '');
  }

  #popped(): void {
    if (!this.#active || isGuard(history.state)) return;
    this.#stand();
    this.#onBack();
  }
}

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

function isGuard(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'guard' in state;
}
