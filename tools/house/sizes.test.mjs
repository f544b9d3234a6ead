import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEDIAN_LINES, MOST_LINES, median, sizes } from './sizes.mjs';

const files = sizes();

test('files are short', () => {
  assert.ok(files.length > 500, `${files.length} files`);
  assert.ok(median(files) <= MEDIAN_LINES, `the median is ${median(files)} lines`);
  const long = files.filter(({ lines, reason }) => lines > MOST_LINES && reason === undefined);
  assert.deepEqual(
    long.map(({ name, lines }) => `${name}: ${lines} lines; split it, or say why at its top`),
    [],
  );
});
