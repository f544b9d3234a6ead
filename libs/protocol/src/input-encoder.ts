import { encodeRecord, MAX_BUTTON, type InputChannel, type InputRecord } from './input-codec.ts';
import { LIMITS } from './limits.ts';

/**
 * Turns events into messages for the two input channels. Records wait until `flush()`, which the
 * caller runs after each event (or each animation frame), so that events that arrive together
 * share one message.
 *
 * What waits is bounded: a newer position replaces the one that waits, relative motion and wheel
 * steps add up, and a full message goes out at once. A button carries its own position and takes
 * the place of one that waits. Values out of bounds are clamped, so nothing here throws.
 */
export class InputEncoder {
  readonly #send: (channel: InputChannel, message: Uint8Array<ArrayBuffer>) => void;
  readonly #message = new Uint8Array(LIMITS.inputMessageBytes);
  #used = 0;
  #position: { x: number; y: number } | undefined;
  #sum: { kind: 'motion' | 'wheel'; dx: number; dy: number } | undefined;
  #seq = 0;

  /** `send` gets a message that it may keep. */
  constructor(options: {
    readonly send: (channel: InputChannel, message: Uint8Array<ArrayBuffer>) => void;
  }) {
    this.#send = options.send;
  }

  /** `usage`: see hid-usages.ts. */
  key(usage: number, down: boolean, repeat = false): void {
    this.#append({ kind: 'key', usage: clamp(usage, 0, 0xffff), down, repeat: repeat && down });
  }

  /** `x`, `y`: 0..1 over the picture. */
  position(x: number, y: number): void {
    this.#position = { x: share(x), y: share(y) };
  }

  /** Counts of motion while the pointer is locked. */
  motion(dx: number, dy: number): void {
    this.#add('motion', dx, dy);
  }

  /** `x`, `y`: 0..1 over the picture, where the click is meant. */
  button(button: number, down: boolean, x: number, y: number): void {
    if (!Number.isInteger(button) || button < 0 || button > MAX_BUTTON) return;
    this.#position = undefined;
    const seq = this.#nextSequence();
    this.#append({ kind: 'button', button, down, x: share(x), y: share(y), seq });
  }

  /** A button while the pointer is locked: it stays where the host has it. */
  buttonInPlace(button: number, down: boolean): void {
    if (!Number.isInteger(button) || button < 0 || button > MAX_BUTTON) return;
    const seq = this.#nextSequence();
    this.#append({ kind: 'button', button, down, x: 0, y: 0, seq, inPlace: true });
  }

  /** 1/120 of a notch; down and right are positive. */
  wheel(dx: number, dy: number): void {
    this.#add('wheel', dx, dy);
  }

  /** Text that no key gave. Long text is cut between characters into several messages. */
  text(text: string): void {
    let part = '';
    let size = 0;
    for (const character of text) {
      const bytes = utf8Size(character);
      if (size + bytes > LIMITS.inputTextBytes) {
        this.#append({ kind: 'text', text: part });
        part = '';
        size = 0;
      }
      part += character;
      size += bytes;
    }
    if (part !== '') this.#append({ kind: 'text', text: part });
  }

  releaseAll(): void {
    this.#append({ kind: 'release-all' });
  }

  /** Sends what waits: the ordered records, then the position. */
  flush(): void {
    this.#settleSum();
    this.#flushMessage();
    if (this.#position !== undefined) {
      const { x, y } = this.#position;
      this.#position = undefined;
      const seq = this.#nextSequence();
      this.#send('pointer', encodeRecord({ kind: 'pointer', x, y, seq }).slice());
    }
  }

  /** Forgets what waits, for a channel that closed. The sequence goes on. */
  clear(): void {
    this.#used = 0;
    this.#position = undefined;
    this.#sum = undefined;
  }

  #add(kind: 'motion' | 'wheel', dx: number, dy: number): void {
    if (this.#sum !== undefined && this.#sum.kind !== kind) this.#settleSum();
    const sum = this.#sum ?? { kind, dx: 0, dy: 0 };
    this.#sum = { kind, dx: sum.dx + finite(dx), dy: sum.dy + finite(dy) };
  }

  /** Fractions stay for the next event only within one flush; what is sent is rounded. */
  #settleSum(): void {
    const sum = this.#sum;
    if (sum === undefined) return;
    this.#sum = undefined;
    const dx = clamp(Math.round(sum.dx), -0x8000, 0x7fff);
    const dy = clamp(Math.round(sum.dy), -0x8000, 0x7fff);
    if (dx !== 0 || dy !== 0) this.#append({ kind: sum.kind, dx, dy });
  }

  #append(record: InputRecord): void {
    this.#settleSum();
    const bytes = encodeRecord(record);
    if (this.#used + bytes.length > this.#message.length) this.#flushMessage();
    this.#message.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flushMessage(): void {
    if (this.#used === 0) return;
    const message = this.#message.slice(0, this.#used);
    this.#used = 0;
    this.#send('input', message);
  }

  #nextSequence(): number {
    this.#seq = (this.#seq + 1) >>> 0;
    return this.#seq;
  }
}

function share(value: number): number {
  return Math.round(clamp(finite(value), 0, 1) * 0xffff);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function utf8Size(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x1_0000 ? 3 : 4;
}
