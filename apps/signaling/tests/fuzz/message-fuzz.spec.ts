import { jest } from '@jest/globals';
import {
  LIMITS,
  clientMessageSchema,
  originalClientMessageSchema,
  parseClientMessage,
  parseClientText,
  parseOriginalClientMessage,
  parseOriginalServerMessage,
  parseServerMessage,
  relayTypes,
  type OutgoingRelay,
  type Parsed,
} from '@peerdeck/protocol';
import fc from 'fast-check';
import { receivedText } from '../../src/rooms/relay.ts';
import { VALID_ORIGINAL, VALID_V2, nearValid } from '../../src/testing/near-valid.ts';

/*
 * The message door: whatever comes, it is taken or refused, never both, and what is taken can be
 * handed on. (A failure prints the seed and the path that bring it back.)
 */

const CASES = 100_000;

interface Door {
  readonly name: string;
  readonly valid: readonly object[];
  readonly parse: (text: unknown) => Parsed<{ type: string }>;
  readonly schema: { readonly def: { readonly options: readonly unknown[] } };
  /** Whether the receiver reads what the service makes of it. */
  readonly arrives: (text: string, message: { type: string }) => boolean;
}

const doors: Door[] = [
  {
    name: 'peerdeck.v2',
    valid: VALID_V2,
    parse: parseClientMessage,
    schema: clientMessageSchema,
    arrives: (text, message) => {
      if (!relayTypes.some((type) => type === message.type)) return true;
      const from = 'p'.repeat(LIMITS.peerId);
      const expected = { ...message, to: undefined, from };
      const parsed = parseClientText(text);
      const exact = parsed.ok && parsed.exact ? text : undefined;
      const read = parseServerMessage(receivedText(exact, message as OutgoingRelay, from));
      return read.ok && JSON.stringify(read.message) === JSON.stringify(expected);
    },
  },
  {
    name: 'the original protocol',
    valid: VALID_ORIGINAL,
    parse: parseOriginalClientMessage,
    schema: originalClientMessageSchema,
    arrives: (text) => parseOriginalServerMessage(text).ok,
  },
];

describe.each(doors)('$name', ({ valid, parse, schema, arrives }) => {
  const shapes = shapesOf(schema);
  const fields = new Set(['', ...[...shapes.values()].flatMap((keys) => [...keys])]);
  const CODES = ['malformed', 'unknown-type', 'invalid-message', 'too-large'];

  function check(text: string): boolean {
    const parsed = parse(text);
    if (!parsed.ok) {
      const { code, field, message } = parsed.error;
      const named = field.split('.')[0] ?? '';
      if (!CODES.includes(code) || !fields.has(named)) throw new Error(`${code} ${field}`);
      if (message === '' || message.length > LIMITS.errorMessage) throw new Error(message);
      if (field.length > LIMITS.errorField) throw new Error('a field of too many characters');
      return false;
    }
    const { message } = parsed;
    const shape = shapes.get(message.type);
    for (const key of Object.keys(message)) {
      if (shape?.has(key) !== true) throw new Error(`the key ${key} came through`);
    }
    const { depth, values } = measure(message);
    if (depth > LIMITS.jsonDepth || values > LIMITS.jsonValues) throw new Error('too deep or long');
    const again = JSON.stringify(message);
    const second = parse(again);
    if (!second.ok && second.error.code !== 'too-large') throw new Error('taken once only');
    if (second.ok && JSON.stringify(second.message) !== again) throw new Error('not the same');
    if (!arrives(text, message)) throw new Error('taken, and no receiver reads it');
    return true;
  }

  test('every valid message is taken', () => {
    for (const message of valid) expect(check(JSON.stringify(message))).toBe(true);
  });

  test(`${CASES / 2} texts that are almost messages`, () => {
    let taken = 0;
    fc.assert(
      fc.property(nearValid(valid), (text) => {
        if (check(text)) taken += 1;
      }),
      { numRuns: CASES / 2 },
    );
    // A door that takes all of them, or none, would have been tested badly.
    expect(taken).toBeGreaterThan(CASES / 20);
    expect(taken).toBeLessThan((CASES / 20) * 9);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }, 120_000);

  test('what is walked of a message is bounded, whatever its size', () => {
    const steps = (text: string) => {
      const keys = jest.spyOn(Object, 'keys');
      const before = keys.mock.calls.length;
      parse(text);
      const count = keys.mock.calls.length - before;
      keys.mockRestore();
      return count;
    };
    const control = (payload: string) => `{"type":"control","action":"a","payload":${payload}}`;
    for (const size of [1000, 8000, 64_000, 130_000]) {
      const deep = control('['.repeat(size) + ']'.repeat(size));
      expect(steps(deep)).toBeLessThan(64);
      // What takes JSON.parse longest for its size is not even given to it.
      const read = jest.spyOn(JSON, 'parse');
      parse(deep);
      expect(read).toHaveBeenCalledTimes(size > 4000 ? 0 : 1);
      read.mockRestore();
      const wide = control(
        `[${Array<string>(Math.floor(size / 3))
          .fill('[]')
          .join(',')}]`,
      );
      expect(steps(wide)).toBeLessThan(LIMITS.jsonValues + 64);
      const long = JSON.stringify({ type: 'offer', session: 's', sdp: 'x'.repeat(size) });
      expect(steps(long)).toBeLessThan(64);
    }
  });
});

/** The keys of every type of message. */
function shapesOf(schema: Door['schema']): Map<string, Set<string>> {
  const shapes = new Map<string, Set<string>>();
  for (const option of schema.def.options) {
    const { shape } = (option as { def: { shape: Record<string, unknown> } }).def;
    const type = (shape['type'] as { def: { values: string[] } }).def.values[0] ?? '';
    shapes.set(type, new Set(Object.keys(shape)));
  }
  return shapes;
}

/** Also that no object has another prototype than it should. */
function measure(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 0 };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) throw new Error('prototype');
  let [deepest, values] = [0, 0];
  for (const key of Object.keys(value)) {
    if (!Array.isArray(value) && ['__proto__', 'constructor', 'prototype'].includes(key)) {
      throw new Error(`the key ${key} came through`);
    }
    const inner = measure((value as Record<string, unknown>)[key]);
    deepest = Math.max(deepest, inner.depth);
    values += 1 + inner.values;
  }
  return { depth: deepest + 1, values };
}
