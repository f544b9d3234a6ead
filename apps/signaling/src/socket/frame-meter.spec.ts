import { OPCODE, rawFrame } from '../testing/raw-client.ts';
import { FrameMeter } from './frame-meter.ts';

const bounds = { maxMessageBytes: 1000, maxFragments: 4, maxReads: 8 };
const text = (payload: string, fin = true) => rawFrame({ opcode: OPCODE.text, payload, fin });
const more = (payload: string, fin = false) => rawFrame({ opcode: OPCODE.more, payload, fin });
const ping = rawFrame({ opcode: OPCODE.ping, payload: 'x' });

test.each([0, 1, 125, 126, 127, 1000])('a message of %i bytes leaves nothing behind', (size) => {
  const meter = new FrameMeter(bounds);
  expect(meter.take(text('x'.repeat(size)))).toBeUndefined();
  expect(meter.held).toBe(0);
});

test.each([2, 3, 7, 100])('nor do several that arrive in pieces of %i bytes', (size) => {
  const meter = new FrameMeter({ ...bounds, maxReads: 1000 });
  const all = Buffer.concat([text('a'.repeat(200)), ping, text('b', false), ping, more('c', true)]);
  let most = 0;
  for (let at = 0; at < all.length; at += size) {
    expect(meter.take(all.subarray(at, at + size))).toBeUndefined();
    most = Math.max(most, meter.held);
  }
  expect(most).toBeGreaterThan(0);
  expect(meter.held).toBe(0);
});

test('what has begun counts with all of the read that it came in', () => {
  const meter = new FrameMeter(bounds);
  meter.take(Buffer.concat([text('x'.repeat(500)), text('y', false)]));
  expect(meter.held).toBeGreaterThan(500);
  meter.take(more('z', true));
  expect(meter.held).toBe(0);
});

test('a message that says that it will be too large is one before it comes', () => {
  const meter = new FrameMeter(bounds);
  const begin = rawFrame({ opcode: OPCODE.text, length: 1001 });
  expect(meter.take(begin)).toBe('too-large');
});

test('fragments count together, in bytes and in number', () => {
  const large = new FrameMeter(bounds);
  large.take(text('x'.repeat(600), false));
  expect(large.take(more('x'.repeat(600)))).toBe('too-large');
  const many = new FrameMeter(bounds);
  const parts = [text('', false), more(''), more(''), more('')];
  for (const part of parts) expect(many.take(part)).toBeUndefined();
  expect(many.take(more(''))).toBe('too-many-parts');
});

test('so do the reads that a message comes in', () => {
  const meter = new FrameMeter(bounds);
  const whole = text('x'.repeat(100));
  for (let at = 0; at < 8; at += 1) {
    expect(meter.take(whole.subarray(at, at + 1))).toBeUndefined();
  }
  expect(meter.take(whole.subarray(8, 9))).toBe('too-many-parts');
});
