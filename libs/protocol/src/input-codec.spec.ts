import fc from 'fast-check';
import { decodeInput, encodeRecord, isNewerSequence, type InputRecord } from './input-codec.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const channelOf = (record: InputRecord) => (record.kind === 'pointer' ? 'pointer' : 'input');

/** The wire format itself: these bytes never change. */
const golden: [string, InputRecord][] = [
  ['01 01 0400', { kind: 'key', down: true, repeat: false, usage: 0x04 }],
  ['01 03 e700', { kind: 'key', down: true, repeat: true, usage: 0xe7 }],
  ['01 00 2c00', { kind: 'key', down: false, repeat: false, usage: 0x2c }],
  ['02 00 0080 ffff 04030201', { kind: 'pointer', x: 32768, y: 65535, seq: 0x01020304 }],
  ['03 00 ffff 0080', { kind: 'motion', dx: -1, dy: -32768 }],
  [
    '04 01 02 00 0100 0200 ffffffff',
    { kind: 'button', down: true, button: 2, x: 1, y: 2, seq: 0xffffffff },
  ],
  [
    '04 00 00 00 0000 0000 05000000',
    { kind: 'button', down: false, button: 0, x: 0, y: 0, seq: 5 },
  ],
  [
    '04 03 01 00 0000 0000 05000000',
    { kind: 'button', down: true, button: 1, x: 0, y: 0, seq: 5, inPlace: true },
  ],
  ['05 00 88ff 7800', { kind: 'wheel', dx: -120, dy: 120 }],
  ['06 00 0500 c3a9e282ac', { kind: 'text', text: 'é€' }],
  ['06 00 0400 f09f9880', { kind: 'text', text: '😀' }],
  ['07 00', { kind: 'release-all' }],
];

describe('the golden bytes', () => {
  it.each(golden)('%s', (text, record) => {
    expect(hex(encodeRecord(record))).toBe(text.replaceAll(' ', ''));
    expect(decodeInput(bytesOf(text), channelOf(record))).toEqual({ ok: true, records: [record] });
  });

  it('stand back to back in one message', () => {
    const records = golden.map(([, record]) => record).filter((r) => channelOf(r) === 'input');
    const message = Buffer.concat(records.map((record) => encodeRecord(record)));
    expect(decodeInput(message, 'input')).toEqual({ ok: true, records });
  });
});

describe('decodeInput refuses', () => {
  it.each([
    ['nothing', '', 'input', 'empty', 0],
    ['an unknown record', '08 00', 'input', 'unknown-record', 0],
    ['record 0', '00 00 00 00', 'input', 'unknown-record', 0],
    ['a cut header', '01 01 04', 'input', 'truncated', 0],
    ['a cut text', '06 00 0300 6161', 'input', 'truncated', 0],
    ['a text that claims all', '06 00 ffff 61', 'input', 'truncated', 0],
    ['a bad second record', '01 01 0400 09', 'input', 'unknown-record', 4],
    ['unknown key flags', '01 04 0400', 'input', 'bad-field', 0],
    ['a repeat that is up', '01 02 0400', 'input', 'bad-field', 0],
    ['flags where there are none', '07 01', 'input', 'bad-field', 0],
    ['a place in place', '04 03 00 00 0100 0000 01000000', 'input', 'bad-field', 0],
    ['a sixth button', '04 01 05 00 0000 0000 01000000', 'input', 'bad-field', 0],
    ['a reserved byte', '04 01 00 01 0000 0000 01000000', 'input', 'bad-field', 0],
    ['empty text', '06 00 0000', 'input', 'bad-field', 0],
    ['half a character', '06 00 0100 c3', 'input', 'bad-field', 0],
    ['an overlong encoding', '06 00 0200 c080', 'input', 'bad-field', 0],
    ['a surrogate', '06 00 0300 eda080', 'input', 'bad-field', 0],
    ['a position on input', '02 00 0000 0000 01000000', 'input', 'wrong-channel', 0],
    ['a key on pointer', '01 01 0400', 'pointer', 'wrong-channel', 0],
  ] as const)('%s', (_what, text, channel, code, offset) => {
    expect(decodeInput(bytesOf(text), channel)).toMatchObject({
      ok: false,
      error: { code, offset },
    });
  });

  it('more than 512 bytes', () => {
    expect(decodeInput(new Uint8Array(512).fill(7), 'input').ok).toBe(false);
    const full = bytesOf('0700'.repeat(256));
    expect(decodeInput(full, 'input')).toMatchObject({ ok: true });
    expect(decodeInput(bytesOf('0700'.repeat(257)), 'input')).toMatchObject({
      error: { code: 'too-large' },
    });
  });
});

describe('encodeRecord', () => {
  it.each([
    ['usage', { kind: 'key', down: true, repeat: false, usage: 0x1_0000 }],
    ['x', { kind: 'pointer', x: -1, y: 0, seq: 0 }],
    ['y', { kind: 'pointer', x: 0, y: 0.5, seq: 0 }],
    ['dx', { kind: 'wheel', dx: 40_000, dy: 0 }],
    ['button', { kind: 'button', down: true, button: 5, x: 0, y: 0, seq: 0 }],
    ['text', { kind: 'text', text: 'x'.repeat(509) }],
  ] as const)('names %s when it does not fit', (field, record) => {
    expect(() => encodeRecord(record)).toThrow(new RegExp(field));
  });
});

describe('under fire', () => {
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const i16 = fc.integer({ min: -0x8000, max: 0x7fff });
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const anyRecord: fc.Arbitrary<InputRecord> = fc.oneof(
    fc.record({
      kind: fc.constant('key'),
      down: fc.constant(true),
      repeat: fc.boolean(),
      usage: u16,
    }),
    fc.record({ kind: fc.constant('pointer'), x: u16, y: u16, seq: u32 }),
    fc.record({ kind: fc.constantFrom('motion', 'wheel'), dx: i16, dy: i16 }),
    fc.record({
      kind: fc.constant('button'),
      down: fc.boolean(),
      button: fc.integer({ min: 0, max: 4 }),
      x: u16,
      y: u16,
      seq: u32,
    }),
    fc.record({
      kind: fc.constant('text'),
      text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    }),
    fc.record({ kind: fc.constant('release-all') }),
  ) as fc.Arbitrary<InputRecord>;

  it('reads back every record', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        expect(decodeInput(encodeRecord(record), channelOf(record))).toEqual({
          ok: true,
          records: [record],
        });
      }),
      { numRuns: 5000 },
    );
  });

  it('never throws on arbitrary bytes, and reads only what it would write', () => {
    // First bytes that are often right, so that the decoder gets past the first check.
    const bytes = fc
      .tuple(
        fc.integer({ min: 0, max: 8 }),
        fc.constantFrom(0, 1, 3),
        fc.uint8Array({ maxLength: 40 }),
      )
      .map(([type, flags, rest]) => Uint8Array.of(type, flags, ...rest));
    fc.assert(
      fc.property(
        fc.oneof(bytes, fc.uint8Array({ maxLength: 600 })),
        fc.constantFrom('input', 'pointer'),
        (message, channel) => {
          const decoded = decodeInput(message, channel);
          if (!decoded.ok) return;
          const again = Buffer.concat(decoded.records.map((record) => encodeRecord(record)));
          if (hex(again) !== hex(message)) throw new Error('two spellings of one message');
        },
      ),
      { numRuns: 30_000 },
    );
  });
});

describe('isNewerSequence', () => {
  it('orders over the wrap of 32 bits', () => {
    expect(isNewerSequence(2, 1)).toBe(true);
    expect(isNewerSequence(1, 1)).toBe(false);
    expect(isNewerSequence(1, 2)).toBe(false);
    expect(isNewerSequence(0, 0xffff_ffff)).toBe(true);
    expect(isNewerSequence(0xffff_ffff, 0)).toBe(false);
  });
});
