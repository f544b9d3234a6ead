import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/**
 * Runs the tests of a folder (this one, unless another is given) with node:test, and ends with the
 * line that `npm test` sums up.
 */
const [given] = process.argv.slice(2);
const folder =
  given === undefined ? fileURLToPath(new URL('.', import.meta.url)) : `${resolve(given)}/`;
const names = readdirSync(folder).filter((name) => name.endsWith('.test.mjs'));
const counts = { passed: 0, failed: 0, skipped: 0 };
const skips = [];

const stream = run({ files: names.map((name) => folder + name), concurrency: 2 });
/** Files and suites are reported like tests; only what holds no further tests is one. */
const isTest = (data) =>
  data.details?.type !== 'suite' && !names.some((name) => data.name.endsWith(name));
stream.on('test:pass', (data) => {
  if (!isTest(data)) return;
  if (data.skip === undefined) counts.passed += 1;
  else {
    counts.skipped += 1;
    skips.push(`skipped: ${data.name}: ${data.skip}`);
  }
});
stream.on('test:fail', (data) => {
  if (data.details?.type !== 'suite') counts.failed += 1;
});
stream.compose(spec).pipe(process.stdout, { end: false });
stream.once('end', () => {
  setImmediate(() => {
    const tail = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    process.stdout.write(
      `${skips.map((text) => `${text}\n`).join('')}${counts.passed} passed, ${counts.failed} failed${tail}\n`,
    );
    process.exitCode = counts.failed > 0 ? 1 : 0;
  });
});
