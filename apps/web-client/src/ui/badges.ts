import type { Quality } from '../stats/summary.ts';
import type { SignalingNote } from '../viewer-state.ts';
import { byId, setText } from './dom.ts';

const QUALITY: Readonly<Record<Quality, string>> = {
  good: 'Good connection',
  fair: 'Fair connection',
  poor: 'Poor connection',
};
const SIGNALING: Readonly<Record<SignalingNote, string>> = {
  fine: '',
  lost: 'Server unreachable; the picture is not affected',
  gone: 'No server; a lost picture could not come back',
};

/** Small facts in the corner of the picture. */
export class Badges {
  readonly #viewOnly = byId('view-only', HTMLElement);
  readonly #quality = byId('quality', HTMLElement);
  readonly #signaling = byId('signaling-note', HTMLElement);

  /** Why there is no control (messages.ts); undefined: there is. */
  set watching(text: string | undefined) {
    this.#viewOnly.hidden = text === undefined;
    setText(this.#viewOnly, text ?? '');
  }

  /** Good shows only beside the open toolbar (styles.css); the others are worth a badge. */
  set quality(quality: Quality | undefined) {
    this.#quality.hidden = quality === undefined;
    if (quality === undefined) return;
    this.#quality.dataset['quality'] = quality;
    setText(this.#quality, QUALITY[quality]);
  }

  set signaling(note: SignalingNote) {
    this.#signaling.hidden = note === 'fine';
    setText(this.#signaling, SIGNALING[note]);
  }

  clear(): void {
    this.watching = undefined;
    this.quality = undefined;
    this.signaling = 'fine';
  }
}
