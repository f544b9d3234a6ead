import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { toBase32 } from './bytes.ts';
import { ROOM_ID } from './identifiers.ts';
import {
  deriveControl,
  deriveView,
  deriveViewer,
  formatRoomCode,
  generateRoomCode,
  parseRoomCode,
} from './room-code.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** The same step by another implementation of RFC 5869. */
const step = (secret: Uint8Array, info: string, size: number) =>
  new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), info, size));

const secretBytes = fc.uint8Array({ minLength: 10, maxLength: 10 });

function read(text: string) {
  const parsed = parseRoomCode(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.code;
}

describe('derivation', () => {
  it('gives the golden values', () => {
    const keys = deriveControl('0123-4567-89AB-CDEF');
    expect({
      controlKey: hex(keys.controlKey),
      viewCode: keys.viewCode,
      viewKey: hex(keys.viewKey),
      roomId: keys.roomId,
    }).toEqual(GOLDEN);
  });

  it('is the documented chain of HKDF steps', () => {
    fc.assert(
      fc.property(secretBytes, (secret) => {
        const keys = deriveControl(formatRoomCode('control', secret));
        const viewSecret = step(secret, 'peerdeck/1 view secret', 10);
        expect(keys.controlKey).toEqual(step(secret, 'peerdeck/1 control key', 32));
        expect(keys.viewSecret).toEqual(viewSecret);
        expect(keys.viewKey).toEqual(step(viewSecret, 'peerdeck/1 view key', 32));
        const room = step(viewSecret, 'peerdeck/1 room id', 20);
        expect(keys.roomId).toBe(toBase32(room).toLowerCase());
      }),
      { numRuns: 50 },
    );
  });

  it('leads from the view code to the same room and view key', () => {
    const control = deriveControl(generateRoomCode());
    const view = deriveView(control.viewCode);
    expect(view.roomId).toBe(control.roomId);
    expect(view.viewKey).toEqual(control.viewKey);
    expect(control.roomId).toMatch(ROOM_ID);
    expect(deriveViewer(read(control.viewCode))).toEqual({
      role: 'view',
      key: view.viewKey,
      roomId: view.roomId,
    });
  });

  it('takes no code of the wrong kind', () => {
    const control = generateRoomCode();
    const { viewCode } = deriveControl(control);
    expect(() => deriveControl(viewCode)).toThrow('expected a control code');
    expect(() => deriveView(control)).toThrow('expected a view code');
    expect(() => deriveControl('nonsense')).toThrow(RangeError);
  });
});

describe('generateRoomCode', () => {
  it('spells what the random source gives', () => {
    expect(generateRoomCode(() => new Uint8Array(10).fill(0xff))).toBe('ZZZZ-ZZZZ-ZZZZ-ZZZZ');
    expect(() => generateRoomCode(() => new Uint8Array(9))).toThrow('random source');
  });

  it('does not repeat itself', () => {
    expect(new Set(Array.from({ length: 100 }, () => generateRoomCode())).size).toBe(100);
  });
});

describe('parseRoomCode', () => {
  it.each([
    '0123-4567-89AB-CDEF',
    '0123456789abcdef',
    ' o123 4567 89ab cdef\n',
    'OI23–4567—89AB−CDEF',
    '0l23_4567.89aB-cDeF',
  ])('reads %j', (typed) => {
    expect(read(typed)).toMatchObject({ role: 'control', text: '0123-4567-89AB-CDEF' });
  });

  it.each(['V-0123-4567-89AB-CDEF', 'v0123456789abcdef', 'v 0123 4567 89ab cdef'])(
    'reads %j as a view code',
    (typed) => {
      expect(read(typed)).toMatchObject({ role: 'view', text: 'V-0123-4567-89AB-CDEF' });
    },
  );

  it('keeps a V at the start of a control code', () => {
    expect(read('VVVV-VVVV-VVVV-VVVV').role).toBe('control');
    expect(read('vvvv vvvv vvvv vvvv').role).toBe('control');
    expect(read('V-VVVV-VVVV-VVVV-VVVV').role).toBe('view');
  });

  it.each([
    ['', 'empty', 'Enter the code'],
    [' - ', 'empty', 'Enter the code'],
    ['0123-4567-89AB-CDE', 'wrong-length', '1 is missing'],
    ['V-0123-4567-89AB-CDE', 'wrong-length', '1 is missing'],
    ['0123-4567-89AB-CDEF-01', 'wrong-length', '2 are too many'],
    ['9'.repeat(1000), 'wrong-length', 'far longer'],
    ['U123-4567-89AB-CDEF', 'wrong-character', 'is it a V?'],
    ['0123-4567-89AB-CDE!', 'wrong-character', 'Character 16'],
    ['😀123-4567-89AB-CDEF', 'wrong-character', 'Character 1 '],
  ])('refuses %j with a hint', (typed, code, hint) => {
    const parsed = parseRoomCode(typed);
    expect(parsed).toMatchObject({ ok: false, error: { code } });
    expect(!parsed.ok && parsed.error.message).toContain(hint);
  });

  it('reads what it formats, however it is cased and grouped', () => {
    fc.assert(
      fc.property(
        secretBytes,
        fc.constantFrom<'control' | 'view'>('control', 'view'),
        fc.constantFrom('-', ' ', ''),
        fc.boolean(),
        (secret, role, separator, lower) => {
          const text = formatRoomCode(role, secret);
          const typed = text.replaceAll('-', separator);
          expect(read(lower ? typed.toLowerCase() : typed)).toEqual({ role, secret, text });
        },
      ),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (typed) => {
        expect(typeof parseRoomCode(typed).ok).toBe('boolean');
      }),
      { numRuns: 5000 },
    );
  });
});

const GOLDEN = {
  controlKey: '0789e379ed3342b60e004b99c656ae45fb64ac9dff387fbcd29e9b2b2ddb9142',
  viewCode: 'V-RHCM-EAY1-4A43-1B85',
  viewKey: 'b07e53fe365ad9a10b52633896be7bc20344fc84ad0b3af528dc4e9a74bfb77f',
  roomId: 'ya084sp5tt4eya79gj4r53t8tn3n5d90',
};
