import fc from 'fast-check';
import { decodeRecords, RecordError, type EventRecord } from './record-decoder.ts';
import { record } from './testing/records.ts';

const copy = (records: Iterable<EventRecord>): EventRecord[] =>
  [...records].map((one) => ({ ...one, payload: Uint8Array.from(one.payload) }));

describe('decodeRecords', () => {
  it('reads golden bytes', () => {
    const bytes = Buffer.from(
      '1a000000' +
        '0400' +
        '0100' +
        '0500000000000000' +
        '40e2010000000000' +
        '0141' +
        '000000000000',
      'hex',
    );
    expect(copy(decodeRecords(bytes, bytes.length))).toEqual([
      { type: 4, channel: 1, handle: 5, timeUs: 123456, payload: Uint8Array.of(1, 0x41) },
    ]);
  });

  it('gives nothing for an empty batch', () => {
    expect([...decodeRecords(new Uint8Array(64), 0)]).toEqual([]);
  });

  it('reads back every batch it is given, at any offset of a larger buffer', () => {
    const one = fc.record({
      type: fc.integer({ min: 0, max: 0xffff }),
      channel: fc.integer({ min: 0, max: 0xffff }),
      handle: fc.maxSafeNat(),
      timeUs: fc.maxSafeNat(),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), fc.integer({ min: 0, max: 16 }), (all, pad) => {
        const batch = Buffer.concat(
          all.map((r) => record(r.type, r.handle, r.payload, r.channel, r.timeUs)),
        );
        const buffer = new Uint8Array(pad + batch.length + 9);
        buffer.set(batch, pad);
        expect(copy(decodeRecords(buffer.subarray(pad), batch.length))).toEqual(all);
      }),
    );
  });

  it.each([
    ['a cut header', 16, 24],
    ['a size below the header', 32, 23],
    ['a size over what is left', 32, 33],
    ['a size near 2^32', 32, 0xffff_fff9],
  ])('refuses %s', (_name, used, size) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, size, true);
    expect(() => [...decodeRecords(bytes, used)]).toThrow(RecordError);
  });

  it('refuses more used bytes than the buffer has, and numbers beyond 2^53', () => {
    expect(() => [...decodeRecords(new Uint8Array(24), 25)]).toThrow(RecordError);
    const bytes = new Uint8Array(24);
    new DataView(bytes.buffer).setUint32(0, 24, true);
    new DataView(bytes.buffer).setBigInt64(8, 2n ** 60n, true);
    expect(() => [...decodeRecords(bytes, 24)]).toThrow(/handle/);
  });

  it('never throws anything else, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          for (const one of decodeRecords(bytes, bytes.length)) {
            expect(one.payload.byteLength).toBeLessThanOrEqual(bytes.byteLength - 24);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RecordError);
        }
      }),
    );
  });
});
