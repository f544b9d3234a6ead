import fc from 'fast-check';
import { nestsDeeper } from './json-depth.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

it('agrees with what JSON.parse makes of the text', () => {
  const value = fc.jsonValue({ maxDepth: 6 });
  const text = fc.tuple(value, fc.boolean()).map(([any, indented]) => {
    return JSON.stringify(any, null, indented ? 1 : 0);
  });
  fc.assert(
    fc.property(text, fc.nat(7), (json, most) => {
      expect(nestsDeeper(json, most)).toBe(depthOf(JSON.parse(json)) > most);
    }),
    { numRuns: 5000 },
  );
});

it.each([
  ['{"a":"[[[["}', 1, false],
  ['{"a":"\\"[[[["}', 1, false],
  ['{"a":"\\\\","b":[]}', 1, true],
  ['{"[":[]}', 2, false],
  ['[],[],[],[]', 1, false],
  ['"[[[', 0, false],
  ['"\\', 0, false],
  ['', 0, false],
])('%s deeper than %d: %s', (text, most, deeper) => {
  expect(nestsDeeper(text, most)).toBe(deeper);
});
