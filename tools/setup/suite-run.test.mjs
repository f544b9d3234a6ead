import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { runGroup, runSuite } from './suite-run.mjs';
import { findSuites } from './suites.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const suite = (command, more = {}) => ({
  ...{ name: 'x', kind: 'lines', cwd: ROOT, deadlineMs: 60_000 },
  ...{ command, ...more },
});
const run = (...args) => runSuite(suite(...args), { env: process.env });

test('a suite that ends well gives its counts', async () => {
  const result = await run("echo '3 passed, 0 failed, 1 skipped'");
  assert.deepEqual([result.passed, result.failed, result.skipped, result.why], [3, 0, 1, '']);
});

test('a suite that ran nothing, crashed or lies fails', async () => {
  assert.match((await run("echo '0 passed, 0 failed'")).why, /no test/);
  assert.match((await run('true')).why, /no counts/);
  assert.match((await run("echo '1 passed, 0 failed'; exit 4")).why, /exit code 4/);
  const crashed = await run('echo before; kill -SEGV $$');
  assert.match(crashed.why, /SIGSEGV/);
  assert.match(crashed.output, /before/);
});

test('a suite that hangs is ended at its deadline, with all it started', async () => {
  const { output, ...result } = await run('sleep 1000 & echo $!; wait', { deadlineMs: 200 });
  assert.match(result.why, /in time/);
  const pid = Number(output.trim());
  const state = () => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1][0];
    } catch {
      return 'gone';
    }
  };
  assert.ok(['gone', 'Z', 'X'].includes(state()), state());
});

test('a background process that holds the output open does not hold up the run', async () => {
  const how = await runGroup('sleep 1000 & echo done', {
    ...{ cwd: ROOT, env: process.env, deadlineMs: 60_000 },
  });
  assert.deepEqual([how.code, how.timedOut, how.output], [0, false, 'done\n']);
});

test('output that is still in the pipe when a suite ends is not lost', async () => {
  const flood = "seq 1 200000; echo '7 passed, 0 failed'";
  for (let i = 0; i < 5; i++) assert.equal((await run(flood)).passed, 7);
});

test('every project with tests is a suite, the end-to-end one last', () => {
  const suites = findSuites(ROOT);
  const names = suites.map(({ name }) => name);
  for (const name of [
    'setup',
    'load',
    'protocol',
    'signaling',
    'pion_webrtc',
    'host-agent',
    'e2e',
  ]) {
    assert.ok(names.includes(name), name);
  }
  assert.equal(names.at(-1), 'e2e');
  assert.equal(suites.find(({ name }) => name === 'protocol').kind, 'jest');
  assert.equal(suites.find(({ name }) => name === 'pion_webrtc').kind, 'lines');
});
