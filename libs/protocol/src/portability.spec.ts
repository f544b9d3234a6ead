import { readdirSync, readFileSync } from 'node:fs';

/** What the sources may import: all of it runs in Node and in browsers, on http pages too. */
const ALLOWED = /^(\.\/[a-z-]+\.ts|zod\/mini|@noble\/(hashes|curves)\/[a-z0-9]+\.js)$/;

const folder = new URL('.', import.meta.url);
const sources = readdirSync(folder).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'),
);

describe('the sources', () => {
  it.each(sources)('%s imports and uses only what every platform has', (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const imports = [...text.matchAll(/\bfrom '([^']+)'/g)].map(([, from]) => from ?? '');
    expect(imports.filter((from) => !ALLOWED.test(from))).toEqual([]);
    expect(text).not.toMatch(/\b(process\.|Buffer\b|require\(|crypto\.|window\.|document\.)/);
  });
});
