import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { lanAddresses } from './network.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START = fileURLToPath(new URL('./start.mjs', import.meta.url));
/** Bounds the waits; on a machine that does ten other things a start takes its time. */
const DEADLINE_MS = 180_000;

function run(t, args, env = {}) {
  const child = spawn(process.execPath, [START, ...args], {
    env: { ...process.env, DISPLAY: undefined, INIT_CWD: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const run = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => (run.output += chunk));
  }
  run.ended = once(child, 'close').then(([code]) => code);
  return run;
}

async function until(what, look) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = look();
    if (found) return found;
    if (Date.now() >= deadline) assert.fail(typeof what === 'string' ? what : what());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return `${pid}, which has ended meanwhile`;
  }
}

function temporary(t) {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-start-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

test('each mistake gives one line, a remedy, and an exit code, before anything is done', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const busy = String(server.address().port);
  const cases = [
    [['--prot', '1'], 2, /✗ Unknown option --prot\.\n  → Did you mean --port\?/],
    [['--no-demo'], 1, /✗ There is no desktop to share.*\n  → .*--display :0/],
    [['--display', ':63999'], 1, /✗ No X server answers at --display :63999\.\n  → /],
    [['--host', '127.0.0.1', '--port', busy], 1, /✗ Port \d+ is in use.*\n  → .*--port P/],
    [['--config', '/nowhere.json'], 1, /✗ --config \/nowhere\.json does not exist\.\n  → /],
  ];
  for (const [args, code, text] of cases) {
    const started = run(t, args);
    assert.equal(await started.ended, code, started.output);
    assert.match(started.output, text);
    assert.equal(started.output.trim().split('\n').length, 2, started.output);
  }
});

test('the help needs nothing to be installed', async (t) => {
  const started = run(t, ['--help']);
  assert.equal(await started.ended, 0);
  for (const option of ['--status-file', '--https', '--no-demo', '--config', '--yes']) {
    assert.ok(started.output.includes(option), option);
  }
});

/** Everything with this text in its environment or command line: a start and all its children. */
function processesOf(text) {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => {
    if (pid === process.pid) return false;
    try {
      const files = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${pid}/${name}`));
      return files.some((bytes) => bytes.includes(text));
    } catch {
      return false; // it ended meanwhile
    }
  });
}

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`npm ended by ${signal} takes all that it started with it`, async (t) => {
    const folder = temporary(t);
    const file = join(folder, 'status.json');
    const args = ['--yes', '--host', '127.0.0.1', '--port', String(await freePort())];
    args.push('--status-file', file, '--', '--identity', join(folder, 'identity.json'));
    const npm = spawn('npm', ['start', '--', ...args], {
      cwd: ROOT,
      env: { ...process.env, DISPLAY: undefined, INIT_CWD: undefined, PEERDECK_MARK: folder },
      stdio: 'ignore',
    });
    t.after(() =>
      processesOf(folder)
        .filter(alive)
        .forEach((pid) => process.kill(pid, 'SIGKILL')),
    );
    await until('ready', () => existsSync(file));
    const started = processesOf(folder);
    assert.ok(started.length >= 6, 'npm, the setup, X server, window manager, signaling, agent');
    npm.kill(signal);
    await until(
      () => `still there: ${processesOf(folder).map(commandOf).join('\n')}`,
      () => processesOf(folder).length === 0,
    );
    assert.equal(existsSync(file), false, 'in order: the status file is gone too');
  });
}

/** How signaling answers a page of this origin: `open`, or the code and reason it closes with. */
async function answerTo(origin, port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ['peerdeck.v2'], { origin });
  await once(socket, 'open');
  // What is let in stays until it is told to go; a refusal comes at once, before an answer to a ping.
  const answer = Promise.race([
    once(socket, 'pong').then(() => 'open'),
    once(socket, 'close').then(([code, reason]) => `${code} ${reason}`),
  ]);
  socket.ping();
  const found = await answer;
  socket.terminate();
  return found;
}

test('a site that somebody has open on this machine can not talk to signaling', async (t) => {
  const folder = temporary(t);
  const file = join(folder, 'status.json');
  const port = await freePort();
  const started = run(
    t,
    [
      ...['--yes', '--port', String(port), '--status-file', file, '--'],
      ...['--identity', join(folder, 'identity.json'), '--web-url', 'https://desk.example.com/me/'],
    ],
    { ALLOWED_ORIGINS: 'http://tunnel.example:9000' },
  );
  await until(
    () => `not ready:\n${started.output}`,
    () => existsSync(file),
  );
  await until('the link is printed', () => started.output.includes('Room code'));
  assert.match(started.output, /https:\/\/desk\.example\.com\/me\/#c=/);
  // The proxy there may leave the path on when it asks for the page.
  for (const path of ['/', '/me/']) {
    const page = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.match(await page.text(), /<video/, path);
  }
  const names = ['localhost', '127.0.0.1', '[::1]', hostname(), ...lanAddresses()];
  const own = names.flatMap((name) => [`http://${name}:${port}`, `https://${name}:${port}`]);
  own.push('https://desk.example.com', 'http://tunnel.example:9000');
  for (const origin of [undefined, ...own]) {
    assert.equal(await answerTo(origin, port), 'open', origin);
  }
  const foreign = ['https://evil.example', `http://evil.example:${port}`, 'http://localhost:3000'];
  for (const origin of [...foreign, `http://localhost.evil.example:${port}`, 'null']) {
    assert.equal(await answerTo(origin, port), '1008 Origin not allowed', origin);
  }
  started.child.kill('SIGINT');
  assert.equal(await started.ended, 0, started.output);
});

test('a killed part comes back with the same room, and the status file is true throughout', async (t) => {
  const folder = temporary(t);
  const file = join(folder, 'status.json');
  const port = String(await freePort());
  const started = run(t, [
    ...['--yes', '--host', '127.0.0.1', '--port', port, '--status-file', file],
    ...['--', '--identity', join(folder, 'identity.json')],
  ]);
  const status = () => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);
  const ready = (more = () => true) =>
    until(
      () => `not ready:\n${started.output}`,
      () => {
        assert.equal(started.child.exitCode, null, started.output);
        const now = status();
        return now?.ready && more(now) ? now : undefined;
      },
    );
  const first = await ready();
  assert.match(first.viewerUrl, new RegExp(`^http://localhost:${port}/#c=`));
  assert.equal(first.signalingUrl, `ws://localhost:${port}`);
  assert.match(first.roomCode, /^(\w{4}-){3}\w{4}$/);
  assert.match(first.display, /^:\d+$/);
  await until('the link is printed', () => started.output.includes(first.viewerUrl));
  const page = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<video|<script/);

  process.kill(first.pids.hostAgent, 'SIGKILL');
  await until('the status file follows', () => status()?.ready === false);
  const second = await ready();
  assert.notEqual(second.pids.hostAgent, first.pids.hostAgent);
  assert.equal(second.viewerUrl, first.viewerUrl);

  // Whoever came first after a restart could else be the host of this room.
  const environment = readFileSync(`/proc/${second.pids.signaling}/environ`, 'utf8').split('\0');
  const named = environment.find((entry) => entry.startsWith('HOST_BINDINGS_FILE='));
  const bindings = named?.slice('HOST_BINDINGS_FILE='.length) ?? '';
  await until('the binding is kept', () => existsSync(bindings));
  process.kill(second.pids.signaling, 'SIGKILL');
  const third = await ready((now) => now.pids.signaling !== second.pids.signaling);
  assert.equal(third.viewerUrl, first.viewerUrl);
  assert.equal(third.pids.hostAgent, second.pids.hostAgent, 'the host agent stayed');

  started.child.kill('SIGINT');
  assert.equal(await started.ended, 0, started.output);
  assert.equal(existsSync(file), false);
  for (const pid of Object.values(third.pids)) assert.equal(alive(pid), false);
});
