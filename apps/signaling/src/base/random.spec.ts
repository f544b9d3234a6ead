import { systemRandom } from './random.ts';

test('tokens have the length asked for, and none comes twice, over many pools', () => {
  const seen = new Set<string>();
  for (let count = 0; count < 5000; count += 1) {
    const token = systemRandom.token(9);
    expect(token).toMatch(/^[A-Za-z0-9_-]{12}$/);
    seen.add(token);
    const hex = systemRandom.hex(16);
    expect(hex).toMatch(/^[0-9a-f]{32}$/);
    seen.add(hex);
  }
  expect(seen.size).toBe(10_000);
});

test('all bytes are random: none is left at nought', () => {
  const bits = Buffer.alloc(32);
  for (let count = 0; count < 1000; count += 1) {
    const bytes = Buffer.from(systemRandom.token(32), 'base64url');
    for (const [at, byte] of bytes.entries()) bits[at] = (bits[at] ?? 0) | byte;
  }
  expect([...bits]).toEqual(Array<number>(32).fill(0xff));
});

test('more than the pool holds is refused', () => {
  expect(() => systemRandom.token(5000)).toThrow(RangeError);
  expect(systemRandom.token(4096)).toHaveLength(Math.ceil((4096 * 4) / 3));
});
