import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile } from './log-file.mjs';
import { ownProcess } from './own-process.mjs';
import { Service } from './service.mjs';

const DEADLINE_MS = 30_000;

function service(t, source, options = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-service-'));
  const log = new LogFile(join(folder, 'out.log'));
  const launch = () => ({ ...ownProcess(process.execPath, ['-e', source]), env: process.env });
  const made = new Service({ name: 'The child', launch, log, ipc: true, ...options });
  t.after(async () => {
    await made.stop(1000);
    rmSync(folder, { recursive: true, force: true });
  });
  return made;
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1][0] !== 'Z';
  } catch {
    return false;
  }
}

async function gone(pid) {
  const deadline = Date.now() + DEADLINE_MS;
  while (alive(pid)) {
    assert.ok(Date.now() < deadline, `process ${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const READY = "process.send({ type: 'ready', pid: process.pid });";
const STAY = `${READY} setInterval(() => {}, 1000);`;

test('it starts, says ready, and ends when asked', async (t) => {
  const child = service(t, STAY);
  const ready = child.message('ready', DEADLINE_MS);
  child.start();
  const { pid } = await ready;
  assert.equal(child.pid, pid, 'the wrapper that ties it to us is the same process');
  await child.stop(DEADLINE_MS);
  assert.equal(alive(pid), false);
  assert.equal(child.pid, null);
});

test('what it started and left behind is ended with it', async (t) => {
  const child = service(
    t,
    `const { spawn } = require('node:child_process');
     const pid = spawn('sleep', ['1000'], { stdio: 'ignore' }).pid;
     process.send({ type: 'ready', pid }); setInterval(() => {}, 1000);`,
  );
  const ready = child.message('ready', DEADLINE_MS);
  child.start();
  const { pid } = await ready;
  assert.equal(alive(pid), true);
  await child.stop(DEADLINE_MS);
  await gone(pid);
});

test('one that does not listen is ended by force after its grace', async (t) => {
  const child = service(t, `process.on('SIGTERM', () => {}); ${STAY}`);
  const ready = child.message('ready', DEADLINE_MS);
  child.start();
  const { pid } = await ready;
  await child.stop(50);
  assert.equal(alive(pid), false);
});

test('a start that fails tells the exit code and the last lines', async (t) => {
  const child = service(t, "console.error('port 1 is in use'); process.exit(3);");
  const ready = child.message('ready', DEADLINE_MS);
  child.start();
  await assert.rejects(ready, {
    message: 'The child ended at once (exit code 3).',
    detail: /port 1 is in use/,
    remedy: /out\.log/,
  });
});

test('a program that does not exist fails in the same way', async (t) => {
  const launch = () => ({ command: '/nonexistent/program', args: [], env: process.env });
  const child = service(t, '', { launch });
  const ready = child.message('ready', DEADLINE_MS);
  child.start();
  await assert.rejects(ready, { detail: /ENOENT/ });
});

test('one that is killed is started again, until it is told to stop', async (t) => {
  const child = service(t, STAY, { restart: true });
  const first = child.message('ready', DEADLINE_MS);
  child.start();
  const before = await first;
  const exit = once(child, 'exit');
  const again = once(child, 'message');
  process.kill(before.pid, 'SIGKILL');
  const [how] = await exit;
  assert.deepEqual([how.text, how.restartMs], ['SIGKILL', 500]);
  assert.equal(child.pid, null);
  const [after] = await again;
  assert.notEqual(after.pid, before.pid);
  await child.stop(DEADLINE_MS);
  await gone(after.pid);
});

test('a child does not outlive a parent that was killed', async (t) => {
  const parent = service(
    t,
    `import('${new URL('./own-process.mjs', import.meta.url)}').then(({ ownProcess }) => {
       const { spawn } = require('node:child_process');
       const own = ownProcess('sleep', ['1000']);
       const pid = spawn(own.command, own.args, { stdio: 'ignore', detached: true }).pid;
       process.send({ type: 'ready', pid }); setInterval(() => {}, 1000);
     });`,
  );
  const ready = parent.message('ready', DEADLINE_MS);
  parent.start();
  const { pid } = await ready;
  process.kill(parent.pid, 'SIGKILL');
  await gone(pid);
});
