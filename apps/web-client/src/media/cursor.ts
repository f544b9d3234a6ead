import type { CursorShape } from '@peerdeck/protocol';

/** Browsers refuse larger cursors; Chromium's bound. */
const MAX_SIZE = 128;
const MAX_KEPT = 64;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The CSS `cursor` of the host's cursor, drawn by the browser so that it moves without a round
 * trip. Shapes are kept by serial, since the host sends each once; the oldest is forgotten.
 */
export class CursorStyles {
  readonly #bySerial = new Map<number, string>();

  /** A value of the CSS property `cursor`. */
  style(shape: CursorShape): string {
    if (shape.hidden === true) return 'none';
    if (shape.png === '') return this.#bySerial.get(shape.serial) ?? 'default';
    const style = toStyle(shape);
    this.#bySerial.set(shape.serial, style);
    if (this.#bySerial.size > MAX_KEPT) {
      for (const oldest of this.#bySerial.keys()) {
        this.#bySerial.delete(oldest);
        break;
      }
    }
    return style;
  }
}

function toStyle({ png, width, height, hotX, hotY }: CursorShape): string {
  const fits = width > 0 && height > 0 && width <= MAX_SIZE && height <= MAX_SIZE;
  if (!fits || !BASE64.test(png)) return 'default';
  const x = Math.min(hotX, width - 1);
  const y = Math.min(hotY, height - 1);
  return `url("data:image/png;base64,${png}") ${x} ${y}, default`;
}
