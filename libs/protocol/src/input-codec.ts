import { LIMITS } from './limits.ts';

/*
 * The binary input records (docs/protocol.md, "Input codec"): little-endian, back to back.
 * input-codec.spec.ts holds the golden bytes.
 */

export type InputChannel = 'input' | 'pointer';

export interface KeyRecord {
  readonly kind: 'key';
  readonly down: boolean;
  readonly repeat: boolean;
  /** USB HID usage, page 7; not yet checked against any list. */
  readonly usage: number;
}
/** `x`, `y`: 0..65535 over the picture's width and height. */
export interface PointerRecord {
  readonly kind: 'pointer';
  readonly x: number;
  readonly y: number;
  readonly seq: number;
}
/** Counts of mouse motion, −32768..32767. */
export interface MotionRecord {
  readonly kind: 'motion';
  readonly dx: number;
  readonly dy: number;
}
export interface ButtonRecord {
  readonly kind: 'button';
  readonly down: boolean;
  /** 0 left, 1 middle, 2 right, 3 back, 4 forward. */
  readonly button: number;
  readonly x: number;
  readonly y: number;
  readonly seq: number;
  /** The pointer stays where it is, `x` and `y` are 0: the viewer knows motion only. */
  readonly inPlace?: true;
}
/** 1/120 of a notch; down and right are positive. */
export interface WheelRecord {
  readonly kind: 'wheel';
  readonly dx: number;
  readonly dy: number;
}
export interface TextRecord {
  readonly kind: 'text';
  readonly text: string;
}
export interface ReleaseAllRecord {
  readonly kind: 'release-all';
}
export type InputRecord =
  | KeyRecord
  | PointerRecord
  | MotionRecord
  | ButtonRecord
  | WheelRecord
  | TextRecord
  | ReleaseAllRecord;

export interface InputError {
  readonly code:
    'too-large' | 'empty' | 'truncated' | 'unknown-record' | 'bad-field' | 'wrong-channel';
  /** Byte where the record at fault starts. */
  readonly offset: number;
  readonly message: string;
}
export type DecodedInput =
  | { readonly ok: true; readonly records: readonly InputRecord[] }
  | { readonly ok: false; readonly error: InputError };

export const MAX_BUTTON = 4;

const KEY = 1;
const POINTER = 2;
const MOTION = 3;
const BUTTON = 4;
const WHEEL = 5;
const TEXT = 6;
const RELEASE_ALL = 7;

/** Bytes of each record; of text, of its header. */
const SIZES: Readonly<Record<number, number>> = {
  [KEY]: 4,
  [POINTER]: 10,
  [MOTION]: 6,
  [BUTTON]: 12,
  [WHEEL]: 6,
  [TEXT]: 4,
  [RELEASE_ALL]: 2,
};

/**
 * Reads one message whole or not at all. Never throws. Strict: reserved bytes are zero, flags
 * are known, text is UTF-8, positions come on `pointer` and everything else on `input`.
 */
export function decodeInput(bytes: Uint8Array, channel: InputChannel): DecodedInput {
  if (bytes.length > LIMITS.inputMessageBytes) {
    return refuse('too-large', 0, `at most ${LIMITS.inputMessageBytes} bytes`);
  }
  if (bytes.length === 0) return refuse('empty', 0, 'at least one record');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: InputRecord[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const type = view.getUint8(offset);
    const header = SIZES[type];
    if (header === undefined) return refuse('unknown-record', offset, `no record has type ${type}`);
    if ((type === POINTER) !== (channel === 'pointer')) {
      return refuse('wrong-channel', offset, `type ${type} does not come on ${channel}`);
    }
    if (offset + header > bytes.length) return refuse('truncated', offset, 'the record is cut off');
    const size = type === TEXT ? header + view.getUint16(offset + 2, true) : header;
    if (offset + size > bytes.length) return refuse('truncated', offset, 'the record is cut off');
    const record = decodeRecord(view, offset, type, size);
    if (typeof record === 'string') return refuse('bad-field', offset, record);
    records.push(record);
    offset += size;
  }
  return { ok: true, records };
}

/** The record, or what is wrong with it. All its bytes are known to be there. */
function decodeRecord(
  view: DataView,
  offset: number,
  type: number,
  size: number,
): InputRecord | string {
  const flags = view.getUint8(offset + 1);
  const allowed = type === KEY || type === BUTTON ? 3 : 0;
  if ((flags & ~allowed) !== 0) return 'unknown flags';
  switch (type) {
    case KEY: {
      const down = (flags & 1) !== 0;
      const repeat = (flags & 2) !== 0;
      if (repeat && !down) return 'a key that repeats is down';
      return { kind: 'key', down, repeat, usage: view.getUint16(offset + 2, true) };
    }
    case POINTER:
      return {
        kind: 'pointer',
        x: view.getUint16(offset + 2, true),
        y: view.getUint16(offset + 4, true),
        seq: view.getUint32(offset + 6, true),
      };
    case MOTION:
    case WHEEL:
      return {
        kind: type === WHEEL ? 'wheel' : 'motion',
        dx: view.getInt16(offset + 2, true),
        dy: view.getInt16(offset + 4, true),
      };
    case BUTTON: {
      const button = view.getUint8(offset + 2);
      if (button > MAX_BUTTON) return `buttons are 0 to ${MAX_BUTTON}`;
      if (view.getUint8(offset + 3) !== 0) return 'the reserved byte is not zero';
      const inPlace = (flags & 2) !== 0;
      if (inPlace && view.getUint32(offset + 4, true) !== 0) return 'it has no position';
      return {
        kind: 'button',
        down: (flags & 1) !== 0,
        button,
        x: view.getUint16(offset + 4, true),
        y: view.getUint16(offset + 6, true),
        seq: view.getUint32(offset + 8, true),
        ...(inPlace ? { inPlace } : {}),
      };
    }
    case TEXT: {
      if (size === 4) return 'text is empty';
      const text = decodeUtf8(new Uint8Array(view.buffer, view.byteOffset + offset + 4, size - 4));
      return text === undefined ? 'text is not UTF-8' : { kind: 'text', text };
    }
    default:
      return { kind: 'release-all' };
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Bytes of one record. Throws RangeError, naming the field, for a value that does not fit: the
 * caller clamps, since only it knows what a value out of bounds means.
 */
export function encodeRecord(record: InputRecord): Uint8Array {
  switch (record.kind) {
    case 'key': {
      const [bytes, view] = start(KEY, flag(record.down, 1) | flag(record.repeat, 2));
      view.setUint16(2, unsigned('usage', record.usage, 0xffff), true);
      return bytes;
    }
    case 'pointer': {
      const [bytes, view] = start(POINTER, 0);
      setPosition(view, 2, record);
      return bytes;
    }
    case 'motion':
    case 'wheel': {
      const [bytes, view] = start(record.kind === 'wheel' ? WHEEL : MOTION, 0);
      view.setInt16(2, signed16('dx', record.dx), true);
      view.setInt16(4, signed16('dy', record.dy), true);
      return bytes;
    }
    case 'button': {
      const inPlace = record.inPlace === true;
      const [bytes, view] = start(BUTTON, flag(record.down, 1) | flag(inPlace, 2));
      view.setUint8(2, unsigned('button', record.button, MAX_BUTTON));
      setPosition(view, 4, inPlace ? { x: 0, y: 0, seq: record.seq } : record);
      return bytes;
    }
    case 'text': {
      const text = new TextEncoder().encode(record.text);
      if (text.length === 0 || text.length > LIMITS.inputTextBytes) {
        throw new RangeError(`text has 1 to ${LIMITS.inputTextBytes} bytes, not ${text.length}`);
      }
      const [bytes, view] = start(TEXT, 0, text.length);
      view.setUint16(2, text.length, true);
      bytes.set(text, 4);
      return bytes;
    }
    case 'release-all':
      return start(RELEASE_ALL, 0)[0];
  }
}

/**
 * Whether `seq` is newer than `newest`, over the wrap of 32 bits (RFC 1982). A position that is
 * not newer is dropped; a button always counts, and its seq becomes the newest if it is newer.
 */
export function isNewerSequence(seq: number, newest: number): boolean {
  const ahead = (seq - newest) >>> 0;
  return ahead !== 0 && ahead < 0x8000_0000;
}

function start(type: number, flags: number, extra = 0): [Uint8Array, DataView] {
  const bytes = new Uint8Array((SIZES[type] ?? 0) + extra);
  bytes[0] = type;
  bytes[1] = flags;
  return [bytes, new DataView(bytes.buffer)];
}

function setPosition(
  view: DataView,
  offset: number,
  at: { readonly x: number; readonly y: number; readonly seq: number },
): void {
  view.setUint16(offset, unsigned('x', at.x, 0xffff), true);
  view.setUint16(offset + 2, unsigned('y', at.y, 0xffff), true);
  view.setUint32(offset + 4, unsigned('seq', at.seq, 0xffff_ffff), true);
}

function flag(on: boolean, bit: number): number {
  return on ? bit : 0;
}

function unsigned(field: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${field} must be a whole number from 0 to ${max}`);
  }
  return value;
}

function signed16(field: string, value: number): number {
  if (!Number.isInteger(value) || value < -0x8000 || value > 0x7fff) {
    throw new RangeError(`${field} must be a whole number from -32768 to 32767`);
  }
  return value;
}

function refuse(code: InputError['code'], offset: number, message: string): DecodedInput {
  return { ok: false, error: { code, offset, message } };
}
