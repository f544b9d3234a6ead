import fc from 'fast-check';
import {
  equalConstantTime,
  fitsInBytes,
  fromBase32,
  fromBase64Url,
  toBase32,
  toBase64Url,
  utf8,
} from './bytes.ts';

describe('base64url', () => {
  it('agrees with Buffer in both directions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64Url(text)).toEqual(bytes);
      }),
    );
  });

  it.each(['A', 'AB', 'AAAAA', 'AA==', 'A+', 'A/', 'A A', 'é'])('refuses %j', (text) => {
    // "AB" decodes elsewhere to the same byte as "AA": a second spelling of one value.
    expect(fromBase64Url(text)).toBeUndefined();
  });
});

describe('base32', () => {
  it('writes the golden value', () => {
    expect(toBase32(Uint8Array.of(0, 0x44, 0x32, 0x14, 0xc7))).toBe('01234567');
    expect(toBase32(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff))).toBe('ZZZZZZZZ');
  });

  it('comes back for whole groups', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), (bytes) => {
        expect(fromBase32(toBase32(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe('equalConstantTime', () => {
  it('tells equal from different, whatever the place', () => {
    expect(equalConstantTime(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3))).toBe(true);
    expect(equalConstantTime(Uint8Array.of(0, 2, 3), Uint8Array.of(1, 2, 3))).toBe(false);
    expect(equalConstantTime(Uint8Array.of(1, 2, 4), Uint8Array.of(1, 2, 3))).toBe(false);
    expect(equalConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false);
  });
});

describe('fitsInBytes', () => {
  test.each(['', 'abc', 'ü', '語', '🙂', 'a\u07ff\u0800z', '🙂ü語'.repeat(50)])(
    '%j fits what it takes and no less',
    (text) => {
      const bytes = utf8(text).length;
      expect(fitsInBytes(text, bytes)).toBe(true);
      if (bytes > 0) expect(fitsInBytes(text, bytes - 1)).toBe(false);
    },
  );
});
