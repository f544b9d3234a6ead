import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { which } from './command.mjs';
import { DemoDesktop, xauthority } from './demo-desktop.mjs';
import { chooseDesktop, parseDisplay, requireDisplay } from './display.mjs';
import { ownProcess } from './own-process.mjs';
import { shows, until } from './shown.mjs';
import { XDisplay } from './x11.mjs';

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

/** Processes that were started with this folder for their temporary files. */
function processesIn(folder) {
  const grep = `grep -lazx 'TMPDIR=${folder}' /proc/[0-9]*/environ 2>/dev/null; true`;
  const result = spawnSync('sh', ['-c', grep], { env: { PATH: process.env.PATH } });
  return result.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}

/** A demo desktop with a folder of its own for whatever it writes. */
function demo(t, env = process.env) {
  const logFolder = mkdtempSync(join(tmpdir(), 'peerdeck-demo-log-'));
  const files = join(logFolder, 'tmp');
  mkdirSync(files);
  process.env.TMPDIR = files;
  const notes = [];
  const desktop = new DemoDesktop({
    ...{ node: process.execPath, env, logFolder, own: ownProcess, showMs: 5000 },
    onLost: (error) => assert.fail(error.message),
    onNote: (text) => notes.push(text),
  });
  t.after(async () => {
    await desktop.close();
    delete process.env.TMPDIR;
    rmSync(logFolder, { recursive: true, force: true });
  });
  return { desktop, files, notes, logFolder };
}

const TERMINAL_BACKGROUND = 0x10151c;
const TERMINAL_TEXT = 0xe6edf3;

/** Looks at the screen as a viewer would see it, until terminals with text are on it. */
async function showsTerminals(t, { display, xauthority: cookie }) {
  const x = await XDisplay.open(display, cookie);
  t.after(() => x.close());
  for (const name of ['terminal', 'pond']) assert.ok(await shows(x, name), name);
  const count = (pixels, colour) => pixels.reduce((n, pixel) => n + (pixel === colour ? 1 : 0), 0);
  const painted = async () => {
    const pixels = await x.pixels();
    return count(pixels, TERMINAL_BACKGROUND) > 100_000 && count(pixels, TERMINAL_TEXT) > 500;
  };
  assert.ok(await until(painted, { deadlineMs: 30_000 }), 'a background and nothing else');
}

test('whoever looks at a demo desktop that has started sees its windows', async (t) => {
  const { desktop, notes } = demo(t);
  await showsTerminals(t, await desktop.start());
  assert.deepEqual(notes, []);
});

/** Programs that go wrong at their first start, by the names of those that do not. */
function clumsyPrograms(logFolder) {
  const bin = join(logFolder, 'bin');
  mkdirSync(bin);
  const write = (name, lines) =>
    writeFileSync(join(bin, name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  write('openbox', [`mkdir ${bin}/slow && sleep 1`, `exec ${which('openbox')} "$@"`]);
  // -name terminal, -name pond: each comes up as an icon once, which no panel shows here.
  const first = `mkdir ${bin}/icon-$2 && exec ${which('xterm')} -iconic "$@"`;
  write('xterm', [first, `exec ${which('xterm')} "$@"`]);
  return { ...process.env, PATH: `${bin}:${process.env.PATH}` };
}

test('a window manager that is slow, and programs that do not show, end in a picture', async (t) => {
  const env = {};
  const { desktop, notes, logFolder } = demo(t, env);
  Object.assign(env, clumsyPrograms(logFolder));
  await showsTerminals(t, await desktop.start());
  assert.deepEqual(notes, []);
});

test('a demo desktop that is closed while it starts leaves nothing', async (t) => {
  const { desktop, files } = demo(t);
  const started = desktop.start().catch((error) => error);
  const began = () => processesIn(files).length > 0;
  assert.ok(await until(began, { deadlineMs: 30_000 }), 'the X server starts');
  await desktop.close();
  await started;
  assert.deepEqual(processesIn(files), []);
});

test('the demo desktop is a real X server behind a cookie, and leaves nothing', async (t) => {
  const { desktop, files } = demo(t);
  const { display, xauthority: cookie } = await desktop.start();
  await requireDisplay({ display, asked: true });
  const query = (XAUTHORITY) =>
    spawnSync('xterm', ['-e', 'true'], { env: { ...process.env, DISPLAY: display, XAUTHORITY } });
  assert.equal(query(cookie).status, 0, 'a client with the cookie gets in');
  assert.notEqual(query('/dev/null').status, 0, 'one without it does not');
  assert.ok(processesIn(files).length >= 3, 'window manager and programs run');
  await desktop.close();
  await desktop.close();
  assert.deepEqual(processesIn(files), []);
  assert.equal(existsSync(cookie), false);
  // An xterm that is ended while it starts leaves an empty file of its own.
  const left = readdirSync(files).filter((name) => !name.startsWith('xterm'));
  assert.deepEqual(left, []);
});
