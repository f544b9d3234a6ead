/**
 * KeyboardEvent.code → usage of the USB HID keyboard page 7 (HID Usage Tables, 10), for every
 * code of the W3C UI Events list that has one. Physical keys: the host's layout gives the letter.
 * Media and browser keys are on another page and are not sent.
 */
const BY_CODE: Readonly<Record<string, number>> = {
  ...series('Key', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 0x04),
  ...series('Digit', '1234567890', 0x1e),
  Enter: 0x28,
  Escape: 0x29,
  Backspace: 0x2a,
  Tab: 0x2b,
  Space: 0x2c,
  Minus: 0x2d,
  Equal: 0x2e,
  BracketLeft: 0x2f,
  BracketRight: 0x30,
  Backslash: 0x31,
  IntlHash: 0x32,
  Semicolon: 0x33,
  Quote: 0x34,
  Backquote: 0x35,
  Comma: 0x36,
  Period: 0x37,
  Slash: 0x38,
  CapsLock: 0x39,
  ...numbered('F', 1, 12, 0x3a),
  PrintScreen: 0x46,
  ScrollLock: 0x47,
  Pause: 0x48,
  Insert: 0x49,
  Home: 0x4a,
  PageUp: 0x4b,
  Delete: 0x4c,
  End: 0x4d,
  PageDown: 0x4e,
  ArrowRight: 0x4f,
  ArrowLeft: 0x50,
  ArrowDown: 0x51,
  ArrowUp: 0x52,
  NumLock: 0x53,
  NumpadDivide: 0x54,
  NumpadMultiply: 0x55,
  NumpadSubtract: 0x56,
  NumpadAdd: 0x57,
  NumpadEnter: 0x58,
  ...series('Numpad', '1234567890', 0x59),
  NumpadDecimal: 0x63,
  IntlBackslash: 0x64,
  ContextMenu: 0x65,
  Power: 0x66,
  NumpadEqual: 0x67,
  ...numbered('F', 13, 24, 0x68),
  Open: 0x74,
  Help: 0x75,
  Props: 0x76,
  Select: 0x77,
  Again: 0x79,
  Undo: 0x7a,
  Cut: 0x7b,
  Copy: 0x7c,
  Paste: 0x7d,
  Find: 0x7e,
  AudioVolumeMute: 0x7f,
  AudioVolumeUp: 0x80,
  AudioVolumeDown: 0x81,
  NumpadComma: 0x85,
  IntlRo: 0x87,
  KanaMode: 0x88,
  IntlYen: 0x89,
  Convert: 0x8a,
  NonConvert: 0x8b,
  ...numbered('Lang', 1, 5, 0x90),
  Abort: 0x9b,
  NumpadParenLeft: 0xb6,
  NumpadParenRight: 0xb7,
  NumpadBackspace: 0xbb,
  NumpadMemoryStore: 0xd0,
  NumpadMemoryRecall: 0xd1,
  NumpadMemoryClear: 0xd2,
  NumpadMemoryAdd: 0xd3,
  NumpadMemorySubtract: 0xd4,
  NumpadClear: 0xd8,
  NumpadClearEntry: 0xd9,
  ControlLeft: 0xe0,
  ShiftLeft: 0xe1,
  AltLeft: 0xe2,
  MetaLeft: 0xe3,
  ControlRight: 0xe4,
  ShiftRight: 0xe5,
  AltRight: 0xe6,
  MetaRight: 0xe7,
};

/** Older browsers' and Firefox's names of the same keys. */
const ALIASES: Readonly<Record<string, string>> = {
  OSLeft: 'MetaLeft',
  OSRight: 'MetaRight',
  VolumeMute: 'AudioVolumeMute',
  VolumeUp: 'AudioVolumeUp',
  VolumeDown: 'AudioVolumeDown',
  HangulMode: 'Lang1',
  Hanja: 'Lang2',
  Katakana: 'Lang3',
  Hiragana: 'Lang4',
};

const BY_USAGE: ReadonlyMap<number, string> = new Map(
  Object.entries(BY_CODE).map(([code, usage]) => [usage, code]),
);

/** Usages 0xE0–0xE7, which a host releases last and a viewer watches for. */
export const MODIFIER_USAGES: readonly number[] = [0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7];

/** Every usage that a code maps to, ascending: a host's allow-list. */
export const KEYBOARD_USAGES: readonly number[] = [...BY_USAGE.keys()].sort((a, b) => a - b);

/** The usage of a KeyboardEvent.code; undefined for keys that are not on page 7. */
export function usageOfCode(code: string): number | undefined {
  const name = Object.hasOwn(ALIASES, code) ? ALIASES[code] : code;
  return name !== undefined && Object.hasOwn(BY_CODE, name) ? BY_CODE[name] : undefined;
}

/** The KeyboardEvent.code of a usage; undefined for usages that no code has. */
export function codeOfUsage(usage: number): string | undefined {
  return BY_USAGE.get(usage);
}

function series(prefix: string, names: string, first: number): Record<string, number> {
  return Object.fromEntries([...names].map((name, index) => [prefix + name, first + index]));
}

function numbered(prefix: string, from: number, to: number, first: number): Record<string, number> {
  const entries: [string, number][] = [];
  for (let n = from; n <= to; n += 1) entries.push([`${prefix}${n}`, first + n - from]);
  return Object.fromEntries(entries);
}
