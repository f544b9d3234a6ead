import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from './nearest.mjs';

test('edit distance counts inserts, deletes, replacements and swaps', () => {
  const cases = [
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'abcd', 1],
    ['abcd', 'abd', 1],
    ['abc', 'axc', 1],
    ['prot', 'port', 1],
    ['kitten', 'sitting', 3],
  ];
  for (const [from, to, expected] of cases) {
    assert.equal(editDistance(from, to), expected, `${from} → ${to}`);
    assert.equal(editDistance(to, from), expected, `${to} → ${from}`);
  }
});

test('the nearest name is found, and a far one is not offered', () => {
  const known = ['--port', '--host', '--https', '--status-file'];
  assert.equal(nearest('--prot', known), '--port');
  assert.equal(nearest('--stat', known), '--status-file');
  assert.equal(nearest('--completely-else', known), undefined);
});
