import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DemoDesktop, xauthority } from './demo-desktop.mjs';
import { chooseDesktop, parseDisplay, requireDisplay } from './display.mjs';
import { ownProcess } from './own-process.mjs';

test('which desktop is shared: the one asked for, DISPLAY, or the demo', () => {
  const env = { DISPLAY: ':5' };
  const choose = (options) => chooseDesktop({ demo: true, env: {}, ...options });
  assert.deepEqual(choose({ display: ':1', env }), { kind: 'display', display: ':1', asked: true });
  assert.deepEqual(choose({ env }), { kind: 'display', display: ':5', asked: false });
  assert.deepEqual(choose({}), { kind: 'demo' });
  assert.throws(() => choose({ demo: false }), { remedy: /--display :0/ });
});

test('a display where nothing answers is one clear line', async () => {
  const dead = { display: ':63999', asked: true };
  await assert.rejects(requireDisplay(dead), {
    message: 'No X server answers at --display :63999.',
  });
  await assert.rejects(requireDisplay({ ...dead, asked: false }), { remedy: /unset DISPLAY/ });
  assert.deepEqual(parseDisplay('far.example:1.0'), { host: 'far.example', number: 1 });
  assert.equal(parseDisplay('nonsense'), undefined);
});

test('the Xauthority entry has the documented bytes', () => {
  const bytes = xauthority(Buffer.alloc(16, 7));
  assert.equal(bytes.subarray(0, 8).toString('hex'), 'ffff000000000012');
  assert.equal(bytes.subarray(8, 26).toString(), 'MIT-MAGIC-COOKIE-1');
  assert.equal(bytes.subarray(26, 28).readUInt16BE(), 16);
  assert.equal(bytes.length, 44);
});

/** Processes that have this display in their environment. */
function processesAt(display) {
  const result = spawnSync('sh', [
    '-c',
    `grep -lazx 'DISPLAY=${display}' /proc/[0-9]*/environ 2>/dev/null; true`,
  ]);
  const own = `/proc/${process.pid}/`;
  const lines = result.stdout.toString().split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith(own));
}

test('the demo desktop is a real X server behind a cookie, and leaves nothing', async (t) => {
  const logFolder = mkdtempSync(join(tmpdir(), 'peerdeck-demo-log-'));
  const files = join(logFolder, 'tmp');
  mkdirSync(files);
  process.env.TMPDIR = files;
  t.after(() => {
    delete process.env.TMPDIR;
    rmSync(logFolder, { recursive: true, force: true });
  });
  const desktop = new DemoDesktop({
    ...{ node: process.execPath, env: process.env, logFolder, own: ownProcess },
    onLost: (error) => assert.fail(error.message),
  });
  t.after(() => desktop.close());
  const { display, xauthority: cookie } = await desktop.start();
  await requireDisplay({ display, asked: true });
  const query = (XAUTHORITY) =>
    spawnSync('xterm', ['-e', 'true'], { env: { ...process.env, DISPLAY: display, XAUTHORITY } });
  assert.equal(query(cookie).status, 0, 'a client with the cookie gets in');
  assert.notEqual(query('/dev/null').status, 0, 'one without it does not');
  assert.ok(processesAt(display).length >= 3, 'window manager and programs run');
  await desktop.close();
  await desktop.close();
  assert.deepEqual(processesAt(display), []);
  assert.equal(existsSync(cookie), false);
  // An xterm that is ended while it starts leaves an empty file of its own.
  const left = readdirSync(files).filter((name) => !name.startsWith('xterm'));
  assert.deepEqual(left, []);
});
