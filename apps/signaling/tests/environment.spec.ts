import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeVariable, parseConfig, type VariableName } from '../src/config/config.ts';
import { createLogger } from '../src/base/log.ts';
import { Service } from '../src/service.ts';
import { BAD_ENVIRONMENT } from '../src/testing/bad-environment.ts';
import { freePort } from '@peerdeck/harness/free-port';

/*
 * The environment as operators meet it: the variables of the original with their defaults, and
 * what a process says of a value that cannot be.
 */

/** As the original's manual writes them. */
const ORIGINAL = `
NODE_ENV=development
WS_PORT=3002
HEALTH_PORT=8080
REDIS_URL=redis://127.0.0.1:6379
ROOM_CAPACITY=2
ROOM_TTL_SECONDS=120
MESSAGE_MAX_BYTES=262144
BACKPRESSURE_CLOSE_THRESHOLD_BYTES=5242880
RATE_LIMIT_MESSAGES_PER_10S=200
RATE_LIMIT_IP_MSGS_PER_10S=500
RATE_LIMIT_ROOM_MSGS_PER_10S=1000
RATE_LIMIT_CONN_PER_10S=50
REQUIRE_WSS=false
ALLOWED_ORIGINS=
SUBPROTOCOL=
ENABLE_AUTH=false
JWT_SECRET=
JWT_ISSUER=
JWT_AUDIENCE=
PRETTY_LOGS=true
`;
const original = Object.fromEntries(
  ORIGINAL.trim()
    .split('\n')
    .map((line) => line.split(/=(.*)/s).slice(0, 2) as [VariableName, string]),
);

describe('the variables of the original', () => {
  const defaults = parseConfig({});

  test.each(Object.entries(original).filter(([name]) => name !== 'REDIS_URL'))(
    '%s is %s by default',
    (name, value) => {
      expect(describeVariable(name as VariableName).fallback).toBe(value);
      const written = parseConfig({ [name]: value }) as Record<string, unknown>;
      expect(written[name]).toEqual((defaults as Record<string, unknown>)[name]);
    },
  );

  test('REDIS_URL is the original’s in production; elsewhere nothing needs to be installed', () => {
    expect(parseConfig({ NODE_ENV: 'production' }).REDIS_URL).toEqual([original['REDIS_URL']]);
    expect(defaults.REDIS_URL).toEqual([]);
  });

  test('the original’s .env is served as it is', () => {
    expect(parseConfig(original)).toMatchObject({ WS_PORT: 3002, PRETTY_LOGS: true });
  });

  test('logs are for people in development only, unless somebody says so', () => {
    expect(defaults.PRETTY_LOGS).toBe(true);
    for (const NODE_ENV of ['production', 'test']) {
      expect(parseConfig({ NODE_ENV }).PRETTY_LOGS).toBe(false);
      expect(parseConfig({ NODE_ENV, PRETTY_LOGS: 'true' }).PRETTY_LOGS).toBe(true);
    }
    expect(parseConfig({ PRETTY_LOGS: 'false' }).PRETTY_LOGS).toBe(false);
  });
});

describe('a process with a value that cannot be', () => {
  const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const SECRETS = ['hush', 'short'];
  const entries = Object.entries(BAD_ENVIRONMENT);
  /** Processes at once: a start is mostly the loading of modules. */
  const AT_ONCE = 3;

  /** Halves what a start costs after the first. */
  const cache = mkdtempSync(join(tmpdir(), 'peerdeck-environment-'));
  afterAll(() => {
    rmSync(cache, { recursive: true, force: true });
  });

  async function run(env: Readonly<Record<string, string>>, port: number) {
    const child = spawn(process.execPath, ['--conditions=@peerdeck/source', MAIN], {
      cwd: tmpdir(),
      env: {
        ...{ PATH: process.env['PATH'], HOST: '127.0.0.1', WS_PORT: String(port) },
        ...{ HEALTH_PORT: '0', NODE_COMPILE_CACHE: cache, ...env },
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const output = { out: '', err: '', told: 0, code: null as number | null };
    child.stdout?.on('data', (data: Buffer) => (output.out += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (output.err += data.toString()));
    child.on('message', () => (output.told += 1));
    output.code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return output;
  }

  test('says so in one line with variable, value and what is allowed, exits with 78, and has not begun', async () => {
    const port = await freePort();
    const waiting = [...entries];
    const worker = async () => {
      for (;;) {
        const entry = waiting.shift();
        if (entry === undefined) return;
        const [name, env] = entry;
        const { out, err, told, code } = await run(env, port);
        const shown = describeVariable(name as VariableName).secret ? '\\(not shown\\)' : '".*"';
        const line = new RegExp(`^signaling: ${name}=${shown} is not allowed. Allowed: .+\\.\n$`);
        expect([name, err]).toEqual([name, expect.stringMatching(line)]);
        expect([name, code, out, told]).toEqual([name, 78, '', 0]);
        for (const secret of SECRETS) expect(err).not.toContain(secret);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await expect(knock(port)).rejects.toThrow('ECONNREFUSED');
  }, 180_000);

  test('does not fill the terminal with it', async () => {
    const { err, code } = await run({ WS_PORT: 'x'.repeat(50_000) }, 0);
    expect(code).toBe(78);
    expect(err.length).toBeLessThan(500);
    const lines = await run({ LOG_LEVEL: 'one\ntwo\u001b[2J' }, 0);
    expect(lines.err.trim().split('\n')).toHaveLength(1);
    expect(lines.err).not.toContain('\u001b');
  });
});

test('a port that cannot be had for the probes: no client was let in', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const env = { HOST: '127.0.0.1', WS_PORT: '0', HEALTH_PORT: String(port) };
  const service = new Service({
    config: parseConfig(env),
    log: createLogger({ level: 'silent', pretty: false, nodeId: 'test' }),
    nodeId: 'test',
    version: 'test/1',
  });
  await expect(service.start()).rejects.toThrow(`HEALTH_PORT=${port}: the port is in use`);
  expect(service.port).toBe(0);
  taken.close();
});

function knock(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
