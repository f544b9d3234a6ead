import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, parseJest, parseLines, sum, summary } from './results.mjs';

const good = { passed: 3, failed: 0, skipped: 0, skips: [] };

test('the last summary line of an output counts', () => {
  const output = 'a: 1 passed, 0 failed\nnoise\n12 passed, 0 failed, 2 skipped\nbye\n';
  assert.deepEqual(parseLines(output), { passed: 12, failed: 0, skipped: 2, skips: [] });
  assert.equal(parseLines('all is well, 12 passed, 0 failed I think\n'), undefined);
});

test('skipped tests are named with their reasons, in both forms', () => {
  const output = [
    'skipped: loss in a namespace: needs root',
    '- a gamepad (skipped: no uinput here)',
    'skip example.com/x TestFour',
    '=== RUN   TestFour',
    '    x_test.go:12: no IPv6 here',
    '1 passed, 0 failed, 2 skipped',
  ].join('\n');
  assert.deepEqual(parseLines(output).skips, [
    'loss in a namespace: needs root',
    'a gamepad: no uinput here',
    'TestFour: no IPv6 here',
  ]);
});

test("jest's JSON gives counts, and a file that did not load is a failure", () => {
  const json = JSON.stringify({
    numPassedTests: 2,
    numFailedTests: 0,
    numRuntimeErrorTestSuites: 1,
    testResults: [
      { assertionResults: [{ status: 'passed', fullName: 'a' }] },
      { assertionResults: [{ status: 'pending', fullName: 'b (needs a GPU)' }] },
    ],
  });
  assert.deepEqual(parseJest(json), {
    passed: 2,
    failed: 1,
    skipped: 1,
    skips: ['b (needs a GPU)'],
  });
});

test('whatever is not plainly good fails', () => {
  assert.equal(judge({ counts: good, code: 0 }).why, '');
  const bad = [
    [{ counts: { ...good, passed: 0 }, code: 0 }, /no test/],
    [{ counts: { ...good, passed: 0, skipped: 4 }, code: 0 }, /no test/],
    [{ counts: undefined, code: 0 }, /no counts/],
    [{ counts: undefined, code: null, signal: 'SIGSEGV' }, /SIGSEGV/],
    [{ counts: good, code: 1 }, /exit code 1/],
    [{ counts: good, code: 0, timedOut: true }, /in time/],
    [{ counts: { ...good, failed: 2 }, code: 1 }, /2 failed/],
  ];
  for (const [run, why] of bad) {
    const verdict = judge(run);
    assert.match(verdict.why, why);
    assert.ok(verdict.failed >= 1, verdict.why);
  }
});

test('the sum ends in the line that machines read', () => {
  const total = sum([good, { ...good, skipped: 1, skips: ['x: why'] }]);
  assert.equal(summary(total), '6 passed, 0 failed, 1 skipped');
  assert.deepEqual(total.skips, ['x: why']);
  assert.equal(summary(good), '3 passed, 0 failed');
});
