import { usageOfCode } from '@peerdeck/protocol';

/** What of a KeyboardEvent is read. */
export interface KeyLike {
  readonly code: string;
  readonly key: string;
  readonly repeat: boolean;
  readonly isComposing: boolean;
  readonly timeStamp: number;
  getModifierState(name: string): boolean;
}

/** Where keys go; `InputEncoder` of the protocol is one. */
export interface KeySink {
  key(usage: number, down: boolean, repeat?: boolean): void;
}

/**
 * What the page does with an event. `sent`: it went to the host, and the browser must not act on
 * it. `local`: the page's own shortcut. `left`: the browser (or an input method) has it.
 */
export type KeyOutcome = 'sent' | 'local' | 'left';

const CONTROL_LEFT = 0xe0;
const META_CODES = new Set(['MetaLeft', 'MetaRight', 'OSLeft', 'OSRight']);
const MODIFIER_CODES = /^(Control|Shift|Alt|Meta|OS)(Left|Right)$/;
/** Windows sends a ControlLeft of its own with AltGr, both with one time stamp, ± rounding. */
const ALT_GRAPH_PAIR_MS = 3;

/**
 * Key events → physical keys (USB HID usages) that are down or up. Every key that went down goes
 * up exactly once: by its own keyup, by `releaseAll`, or where a system swallows the keyup.
 * Nothing here keeps, logs or shows which keys were pressed beyond those that are down now.
 */
export class Keyboard {
  readonly #sink: KeySink;
  readonly #isMac: boolean;
  readonly #shortcut: (event: KeyLike) => boolean;
  /** Code → usage of the keys that the host believes down. At most as many as keys exist. */
  readonly #down = new Map<string, number>();
  #controlLeftAt = Number.NEGATIVE_INFINITY;

  /** `shortcut`: tells, and acts on, the page's own shortcuts. */
  constructor(options: {
    readonly sink: KeySink;
    readonly isMac: boolean;
    readonly shortcut: (event: KeyLike) => boolean;
  }) {
    this.#sink = options.sink;
    this.#isMac = options.isMac;
    this.#shortcut = options.shortcut;
  }

  /** How many keys are down. */
  get held(): number {
    return this.#down.size;
  }

  keyDown(event: KeyLike): KeyOutcome {
    if (isForInputMethod(event)) return 'left';
    if (!event.repeat && this.#shortcut(event)) return 'local';
    const usage = usageOfCode(event.code);
    if (usage === undefined) return 'left';
    const known = this.#down.has(event.code);
    if (known) {
      // The host repeats on its own; the record only says that the key is still down.
      this.#sink.key(usage, true, true);
      return 'sent';
    }
    // A repeat of a key that went down before the page had the focus is not a press.
    if (event.repeat) return 'sent';
    if (event.code === 'ControlLeft') this.#controlLeftAt = event.timeStamp;
    if (event.code === 'AltRight' && this.#isAltGraph(event)) this.#release('ControlLeft');
    this.#down.set(event.code, usage);
    this.#sink.key(usage, true);
    // macOS tells Caps Lock's state by down (on) and up (off): each is one full press.
    if (this.#isMac && event.code === 'CapsLock') this.#release('CapsLock');
    return 'sent';
  }

  keyUp(event: KeyLike): KeyOutcome {
    if (this.#isMac && event.code === 'CapsLock') {
      const usage = usageOfCode(event.code);
      if (usage === undefined) return 'left';
      this.#sink.key(usage, true);
      this.#sink.key(usage, false);
      return 'sent';
    }
    const sent = this.#release(event.code);
    // While Command is down, macOS swallows the keyups of other keys.
    if (this.#isMac && META_CODES.has(event.code)) {
      for (const code of [...this.#down.keys()]) {
        if (!MODIFIER_CODES.test(code)) this.#release(code);
      }
    }
    return sent ? 'sent' : 'left';
  }

  /** Presses `codes` in order, then releases them in reverse: keys that a browser keeps. */
  chord(codes: readonly string[]): void {
    const usages = codes.map(usageOfCode).filter((usage) => usage !== undefined);
    for (const usage of usages) this.#sink.key(usage, true);
    for (const usage of usages.reverse()) this.#sink.key(usage, false);
  }

  /** Lets every key go that is down. */
  releaseAll(): void {
    for (const code of [...this.#down.keys()]) this.#release(code);
  }

  #isAltGraph(event: KeyLike): boolean {
    return (
      this.#down.get('ControlLeft') === CONTROL_LEFT &&
      event.getModifierState('AltGraph') &&
      Math.abs(event.timeStamp - this.#controlLeftAt) <= ALT_GRAPH_PAIR_MS
    );
  }

  #release(code: string): boolean {
    const usage = this.#down.get(code);
    if (usage === undefined) return false;
    this.#down.delete(code);
    this.#sink.key(usage, false);
    return true;
  }
}

/** An input method composes text, or a touch keyboard gives no key at all: text comes instead. */
function isForInputMethod(event: KeyLike): boolean {
  return event.isComposing || event.key === 'Process' || event.key === 'Unidentified';
}
