/** What of `history` is used. */
export interface PageHistory {
  readonly state: unknown;
  replaceState(data: unknown, unused: string, url?: string): void;
}

/** What of `location` is used. */
export interface PageLocation {
  readonly hash: string;
  readonly pathname: string;
  readonly search: string;
}

/**
 * Takes what a link brings out of the address bar, where it could be read over a shoulder, copied
 * with the address, or kept by the browser's history and its synchronisation. So that a reload
 * still works, it stays in `history.state`, which belongs to this one entry of this one tab:
 * `sessionStorage` could be read by every other page of the same origin in the tab.
 */
export class AddressBar {
  readonly #location: PageLocation;
  readonly #history: PageHistory;

  constructor(options: { readonly location: PageLocation; readonly history: PageHistory }) {
    this.#location = options.location;
    this.#history = options.history;
  }

  /** The fragment that is in the address, and is there no more; undefined: there is none. */
  take(): string | undefined {
    const { hash, pathname, search } = this.#location;
    if (hash.length < 2) return undefined;
    this.#history.replaceState(this.#history.state, '', pathname + search);
    return hash;
  }

  /** The fragment that the page was last opened by, for after a reload. */
  get kept(): string | undefined {
    const { link } = stateOf(this.#history.state);
    return typeof link === 'string' ? link : undefined;
  }

  /** Undefined forgets. */
  keep(link: string | undefined): void {
    const state = stateOf(this.#history.state);
    if (link === undefined) delete state['link'];
    else state['link'] = link;
    this.#history.replaceState(state, '');
  }
}

function stateOf(state: unknown): Record<string, unknown> {
  return typeof state === 'object' && state !== null ? { ...state } : {};
}
