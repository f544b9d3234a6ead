import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEDIAN_LINES, MOST_LINES, STILL_LONG, median, sizes } from './sizes.mjs';

const files = sizes();

test('files are short', () => {
  assert.ok(files.length > 500, `${files.length} files`);
  assert.ok(median(files) <= MEDIAN_LINES, `the median is ${median(files)} lines`);
  const long = files
    .filter(({ lines, reason }) => lines > MOST_LINES && reason === undefined)
    .filter(({ name }) => !STILL_LONG.includes(name));
  assert.deepEqual(
    long.map(({ name, lines }) => `${name}: ${lines} lines; split it, or say why at its top`),
    [],
  );
});

test('the files that are still to be split are there', () => {
  const names = new Set(files.map(({ name }) => name));
  assert.deepEqual(
    STILL_LONG.filter((name) => !names.has(name)),
    [],
  );
});
