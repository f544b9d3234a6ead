import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { firstLoadSizes, totalOf } from '../vite/compressed-size.ts';

const dist = join(import.meta.dirname, '../dist');
const MAX_BYTES = 150_000;

/** The target `test` builds first; without a build there is nothing to weigh. */
(existsSync(dist) ? it : it.skip)('loads in at most 150 kB, compressed (needs dist)', () => {
  const sizes = firstLoadSizes(dist);
  expect(sizes.map((size) => size.name)).toContain('index.html');
  expect(totalOf(sizes, 'gzip')).toBeLessThanOrEqual(MAX_BYTES);
});
