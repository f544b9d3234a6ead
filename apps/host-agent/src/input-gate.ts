import {
  decodeInput,
  isNewerSequence,
  KEYBOARD_USAGES,
  MODIFIER_USAGES,
  type InputChannel,
  type InputRecord,
} from '@peerdeck/protocol';
import type { InputEvent } from '@peerdeck/native-capture';
import { TokenBucket } from './token-bucket.ts';

export interface InputLimits {
  /** Key, button, wheel and motion events per second; the bucket holds one second. */
  readonly eventsPerSecond: number;
  /** Pointer positions per second. */
  readonly positionsPerSecond: number;
  /** Characters of text per second. */
  readonly textPerSecond: number;
  /** Held keys are released after this long without a sign of life from the viewer; 0: never. */
  readonly silenceMs: number;
}

export type InputDrop =
  'closed' | 'malformed' | 'not-allowed' | 'rate-limited' | 'stale' | 'not-held' | 'too-many-held';

/** What is to be done, in this order. Text goes to another call of the injector than events. */
export type InputAction =
  | { readonly kind: 'inject'; readonly events: readonly InputEvent[] }
  | { readonly kind: 'text'; readonly text: string };

const ALLOWED = new Set(KEYBOARD_USAGES);
const MODIFIERS = new Set(MODIFIER_USAGES);
/** Two hands and a margin: more keys than this at once are a fault or an attack. */
const MAX_HELD = 24;
/** The largest wheel step that is passed on, in 1/120 notch. */
const MAX_WHEEL = 120 * 20;
const MAX_MOTION = 4096;

/**
 * What one viewer's input may do on the host: decodes, checks against the allow-list, clamps,
 * orders, limits the rate, and knows what is held so that it can be let go. Pure: time comes in,
 * actions go out. Nothing here is ever logged with its content: drops are only counted.
 *
 * A key or button that goes up is never dropped by a rate limit: a key stuck is worse than a
 * burst. Only ups of what this viewer holds pass, so they are bounded by the downs.
 */
export class InputGate {
  readonly drops: Record<InputDrop, number> = {
    closed: 0,
    malformed: 0,
    'not-allowed': 0,
    'rate-limited': 0,
    stale: 0,
    'not-held': 0,
    'too-many-held': 0,
  };
  readonly #limits: InputLimits;
  readonly #keys = new Set<number>();
  readonly #buttons = new Set<number>();
  readonly #events: TokenBucket;
  readonly #positions: TokenBucket;
  readonly #text: TokenBucket;
  #open = false;
  #newestSeq: number | undefined;
  #aliveAt = Number.NEGATIVE_INFINITY;

  constructor(limits: InputLimits) {
    this.#limits = limits;
    this.#events = new TokenBucket(limits.eventsPerSecond);
    this.#positions = new TokenBucket(limits.positionsPerSecond);
    this.#text = new TokenBucket(limits.textPerSecond);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get heldCount(): number {
    return this.#keys.size + this.#buttons.size;
  }

  /** Lets input through from now on. The order of positions starts anew. */
  open(now: number): void {
    this.#open = true;
    this.#aliveAt = now;
    this.#newestSeq = undefined;
  }

  /** Shuts (disconnect, other role, other viewer in control) and lets go of all that is held. */
  close(): readonly InputEvent[] {
    this.#open = false;
    return this.release();
  }

  /** Ups for everything held: buttons, then keys, modifiers last. */
  release(): readonly InputEvent[] {
    const buttons = [...this.#buttons].map((button): InputEvent => ({
      kind: 'button',
      button,
      down: false,
    }));
    const rank = (usage: number): number => (MODIFIERS.has(usage) ? 1 : 0);
    const keys = [...this.#keys]
      .sort((a, b) => rank(a) - rank(b))
      .map((usage): InputEvent => ({ kind: 'key', usage, down: false }));
    this.#buttons.clear();
    this.#keys.clear();
    return [...buttons, ...keys];
  }

  /** Any message of the viewer, a ping's answer too, shows that it is there. */
  alive(now: number): void {
    this.#aliveAt = now;
  }

  /** Call a few times a second: what to let go because the viewer went silent. */
  tick(now: number): readonly InputEvent[] {
    const { silenceMs } = this.#limits;
    if (silenceMs === 0 || this.heldCount === 0 || now - this.#aliveAt < silenceMs) return [];
    return this.release();
  }

  /** One message of the `input` or `pointer` channel. */
  receive(bytes: Uint8Array, channel: InputChannel, now: number): readonly InputAction[] {
    if (!this.#open) return this.#drop('closed');
    const decoded = decodeInput(bytes, channel);
    if (!decoded.ok) return this.#drop('malformed');
    this.#aliveAt = now;
    const actions: InputAction[] = [];
    let events: InputEvent[] = [];
    for (const record of decoded.records) {
      if (record.kind === 'text') {
        if (events.length > 0) actions.push({ kind: 'inject', events });
        events = [];
        const text = this.#takeText(record.text, now);
        if (text !== '') actions.push({ kind: 'text', text });
      } else {
        events.push(...this.#take(record, now));
      }
    }
    if (events.length > 0) actions.push({ kind: 'inject', events });
    return actions;
  }

  #take(record: Exclude<InputRecord, { kind: 'text' }>, now: number): readonly InputEvent[] {
    switch (record.kind) {
      case 'key':
        return this.#takeKey(record.usage, record.down, now);
      case 'button':
        return this.#takeButton(record, now);
      case 'pointer':
        return this.#takePosition(record, now);
      case 'motion': {
        if (!this.#events.take(1, now)) return this.#drop('rate-limited');
        const dx = clamp(record.dx, MAX_MOTION);
        const dy = clamp(record.dy, MAX_MOTION);
        return [{ kind: 'motion', dx, dy }];
      }
      case 'wheel': {
        if (!this.#events.take(1, now)) return this.#drop('rate-limited');
        return [
          { kind: 'wheel', dx: clamp(record.dx, MAX_WHEEL), dy: clamp(record.dy, MAX_WHEEL) },
        ];
      }
      case 'release-all':
        return this.release();
    }
  }

  #takeKey(usage: number, down: boolean, now: number): readonly InputEvent[] {
    if (!ALLOWED.has(usage)) return this.#drop('not-allowed');
    if (!down) {
      if (!this.#keys.delete(usage)) return this.#drop('not-held');
      return [{ kind: 'key', usage, down: false }];
    }
    if (!this.#events.take(1, now)) return this.#drop('rate-limited');
    if (!this.#keys.has(usage) && this.heldCount >= MAX_HELD) return this.#drop('too-many-held');
    this.#keys.add(usage);
    return [{ kind: 'key', usage, down: true }];
  }

  #takeButton(
    record: Extract<InputRecord, { kind: 'button' }>,
    now: number,
  ): readonly InputEvent[] {
    const { button, down, x, y, seq, inPlace } = record;
    if (down ? !this.#events.take(1, now) : !this.#buttons.has(button)) {
      return this.#drop(down ? 'rate-limited' : 'not-held');
    }
    if (down) this.#buttons.add(button);
    else this.#buttons.delete(button);
    // The click's own place, even if a newer position overtook it on the other channel.
    if (this.#newestSeq === undefined || isNewerSequence(seq, this.#newestSeq)) {
      this.#newestSeq = seq;
    }
    const press = { kind: 'button', button, down } as const;
    return inPlace === true ? [press] : [{ kind: 'pointer', x, y }, press];
  }

  #takePosition(
    record: Extract<InputRecord, { kind: 'pointer' }>,
    now: number,
  ): readonly InputEvent[] {
    const { x, y, seq } = record;
    if (this.#newestSeq !== undefined && !isNewerSequence(seq, this.#newestSeq)) {
      return this.#drop('stale');
    }
    if (!this.#positions.take(1, now)) return this.#drop('rate-limited');
    this.#newestSeq = seq;
    return [{ kind: 'pointer', x, y }];
  }

  /** Text without control characters, except for line feed and tab. */
  #takeText(text: string, now: number): string {
    const clean = [...text].filter((character) => isTypable(character));
    if (clean.length === 0) {
      this.drops['not-allowed'] += 1;
      return '';
    }
    if (!this.#text.take(clean.length, now)) {
      this.drops['rate-limited'] += 1;
      return '';
    }
    return clean.join('');
  }

  #drop(why: InputDrop): readonly [] {
    this.drops[why] += 1;
    return [];
  }
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}

function isTypable(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n' || character === '\t') return true;
  return code >= 0x20 && code !== 0x7f && !(code >= 0x80 && code < 0xa0);
}
