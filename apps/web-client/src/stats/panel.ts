import type { HostStats } from '@peerdeck/protocol';
import type { FrameSummary } from '../media/latency.ts';
import { byId, setText } from '../ui/dom.ts';
import { hostRows, viewerRows, type StatsRow } from './rows.ts';
import type { ViewerStats } from './summary.ts';

/** The figures beside the picture. Each value is in `[data-stat="…"]`, by its row's key. */
export class StatsPanel {
  readonly #root = byId('stats', HTMLElement);
  readonly #viewer = byId('stats-viewer', HTMLElement);
  readonly #host = byId('stats-host', HTMLElement);
  readonly #hostTitle = byId('stats-host-title', HTMLElement);

  constructor(options: { readonly onClose: () => void }) {
    byId('close-stats', HTMLButtonElement).addEventListener('click', () => options.onClose());
  }

  get shown(): boolean {
    return !this.#root.hidden;
  }

  set shown(shown: boolean) {
    this.#root.hidden = !shown;
  }

  update(figures: {
    readonly stats: ViewerStats | undefined;
    readonly frames: FrameSummary;
    readonly controlRttMs: number | undefined;
    readonly host: HostStats | undefined;
    /** What the signaling service's logs call it. */
    readonly connection: string | undefined;
  }): void {
    if (!this.shown) return;
    fill(this.#viewer, viewerRows(figures));
    const rows = hostRows(figures.host);
    this.#hostTitle.hidden = rows.length === 0;
    fill(this.#host, rows);
  }
}

/** Keeps the elements, so that a selection in them survives the next second. */
function fill(list: HTMLElement, rows: readonly StatsRow[]): void {
  if (list.childElementCount !== rows.length * 2) {
    list.replaceChildren(
      ...rows.flatMap((row) => {
        const term = document.createElement('dt');
        const value = document.createElement('dd');
        value.dataset['stat'] = row.key;
        return [term, value];
      }),
    );
  }
  rows.forEach((row, index) => {
    const term = list.children[index * 2];
    const value = list.children[index * 2 + 1];
    if (term !== undefined) setText(term, row.label);
    if (value !== undefined) setText(value, row.value);
  });
}
