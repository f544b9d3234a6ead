import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { roomId } from './testing/harness.ts';
import { Peer } from './testing/peer.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Ready {
  type: string;
  port: number;
  healthPort: number;
  url: string;
}

/** The service as a supervisor starts it: a process of its own, with an IPC channel. */
function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--conditions=@peerdeck/source', MAIN], {
    cwd: tmpdir(),
    env: {
      ...{ PATH: process.env['PATH'], HOST: '127.0.0.1', WS_PORT: '0', HEALTH_PORT: '0' },
      ...{ PRETTY_LOGS: 'false', ...env },
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const output = { out: '', err: '' };
  child.stdout?.on('data', (data: Buffer) => (output.out += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output.err += data.toString()));
  const ready = new Promise<Ready>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Ready));
    child.once('exit', () => reject(new Error(`ended: ${output.err}`)));
  });
  ready.catch(() => {});
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  /** With all of its output read; it never comes once the channel was closed on this side. */
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output, ready, ended, exited };
}

test('it says that it is ready, serves, and ends cleanly on SIGTERM', async () => {
  const { child, output, ready, ended } = start({});
  const { type, port, healthPort, url } = await ready;
  expect(type).toBe('ready');
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status).toBe(200);
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  expect(metrics).toContain('nodejs_eventloop_lag_seconds');
  const peer = await Peer.open(`ws://127.0.0.1:${port}`, ['peerdeck.v2']);
  await peer.join(roomId(1), 'host');
  child.kill('SIGTERM');
  child.kill('SIGINT');
  expect((await peer.closed).code).toBe(1012);
  expect(await ended).toBe(0);
  const lines = output.out.trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(
    expect.arrayContaining(['ready', 'joined', 'draining', 'closed']),
  );
  expect(output.err).toBe('');
});

test('it ends on SIGTERM while its start waits for a Redis that says nothing', async () => {
  const silent = createServer((socket) => void socket.on('error', () => {}));
  const connected = new Promise((resolve) => silent.once('connection', resolve));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const { child, output, ended } = start({
    REDIS_URL: `redis://127.0.0.1:${port}`,
    REDIS_TIMEOUT_MS: '30000',
    REDIS_LEASE_MS: '300000',
  });
  await connected;
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(output.out).toContain('"closed"');
  silent.close();
});

test('it ends when its supervisor is gone', async () => {
  const { child, ready, exited } = start({});
  await ready;
  child.disconnect();
  expect(await exited).toBe(0);
});

test.each<[string, Record<string, string>, string]>([
  ['WS_PORT', { WS_PORT: 'abc' }, 'WS_PORT="abc" is not allowed'],
  ['ENABLE_AUTH', { ENABLE_AUTH: 'true' }, 'exactly one of JWT_SECRET'],
  ['REDIS_URL', { REDIS_URL: 'http://127.0.0.1' }, 'REDIS_URL=(not shown) is not allowed'],
  ['STATIC_DIR', { STATIC_DIR: '/nowhere' }, 'STATIC_DIR="/nowhere" is not allowed'],
])('%s that cannot be: one line, exit 78', async (_name, env, message) => {
  const { output, ended } = start(env);
  expect(await ended).toBe(78);
  expect(output.err).toContain(message);
  expect(output.err.trim().split('\n')).toHaveLength(1);
});

test.each(['WS_PORT', 'HEALTH_PORT'])(
  '%s in use: one line with the remedy, exit 1',
  async (name) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const port = String((taken.address() as AddressInfo).port);
    const { output, ended } = start({ [name]: port });
    expect(await ended).toBe(1);
    expect(output.err.trim()).toBe(
      `signaling: ${name}=${port}: the port is in use. Stop what listens there, or set ${name} to another port (0: any free one).`,
    );
    taken.close();
  },
);

test('importing it does nothing', async () => {
  const { main } = await import('./main.ts');
  expect(main).toBeInstanceOf(Function);
});
