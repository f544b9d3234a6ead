import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { watchRunner } from './runner.mjs';

const DEADLINE = { timeout: 60_000 };

/** A package whose script says who runs it, and goes on until it is told or its runner is gone. */
const SCRIPT = `
import { runners, watchRunner } from '${new URL('./runner.mjs', import.meta.url)}';
const watched = runners();
watchRunner(() => { console.log('gone'); process.exit(0); }, { watched, everyMs: 20 });
console.log(JSON.stringify({ pid: process.pid, runners: watched }));
setInterval(() => {}, 1000);
`;

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'peerdeck-runner-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  writeFileSync(join(path, 'script.mjs'), SCRIPT);
  const scripts = { start: 'node script.mjs', outer: 'npm start' };
  writeFileSync(join(path, 'package.json'), JSON.stringify({ type: 'module', scripts }));
  return path;
}

/** Starts it by a shell line; `lines` are what the script says. */
async function begin(t, line) {
  const child = spawn('sh', ['-c', line], {
    cwd: folder(t),
    env: { ...process.env, npm_lifecycle_event: undefined, npm_lifecycle_script: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value;
  let first;
  do first = await next();
  while (first !== undefined && !first.startsWith('{'));
  const said = JSON.parse(first);
  t.after(() => [child.pid, said.pid].forEach(end));
  return { ...said, child, next };
}

function end(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

const commandOf = (pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGHUP']) {
  test(`a script hears that its npm was ended by ${signal}`, DEADLINE, async (t) => {
    const script = await begin(t, 'exec npm start --silent');
    process.kill(script.child.pid, signal);
    assert.equal(await script.next(), 'gone');
  });
}

test(
  'who started npm is not watched: neither a launcher that ends nor a script around it',
  DEADLINE,
  async (t) => {
    const launched = await begin(t, 'npm start --silent & wait');
    const commands = launched.runners.map(({ pid }) => commandOf(pid));
    assert.match(commands.at(-1), /^npm start/);
    assert.ok(!launched.runners.some(({ pid }) => pid === launched.child.pid));
    const inner = await begin(t, 'exec npm run outer --silent');
    assert.ok(inner.runners.length >= 1);
    assert.ok(!inner.runners.some(({ pid }) => pid === inner.child.pid));
  },
);

test(
  'what was cut loose by setsid, or started without npm, watches nobody',
  DEADLINE,
  async (t) => {
    const alone = await begin(t, 'exec node script.mjs');
    assert.deepEqual(alone.runners, []);
    const loose = await begin(t, 'npm_lifecycle_event=start setsid -w node script.mjs');
    assert.deepEqual(loose.runners, []);
  },
);

test(
  'another process that got the number of the runner is not taken for it',
  DEADLINE,
  async (t) => {
    const stay = setInterval(() => {}, 1000); // a watch keeps no process alive
    t.after(() => clearInterval(stay));
    const watched = [{ pid: process.pid, began: '1' }];
    await new Promise((resolve) => watchRunner(resolve, { watched, everyMs: 5 }));
  },
);
