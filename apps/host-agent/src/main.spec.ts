import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
let dir: string;
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'peerdeck-main-'))));
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs the program to its end. */
async function run(
  args: string[],
  env: Record<string, string> = {},
  onError: (text: string) => unknown = () => undefined,
) {
  const child = spawn(process.execPath, ['--conditions=@peerdeck/source', program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', XDG_STATE_HOME: dir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    text.err += chunk.toString();
    onError(text.err);
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...text };
}

jest.setTimeout(60_000); // each test starts processes, on a machine that may be busy

describe('peerdeck-host', () => {
  it('helps and tells its version', async () => {
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('--doctor'),
    });
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('prints the configuration in force, flags over env over file, secrets hidden', async () => {
    const file = join(dir, 'config.json');
    const turn = { urls: 'turn:relay.example', username: 'me', credential: 'very secret' };
    const content = { host: { name: 'from file', video: { fps: 30 } }, iceServers: [turn] };
    writeFileSync(file, JSON.stringify(content));
    const env = { PEERDECK_CONFIG: file, PEERDECK_HOST_VIDEO_FPS: '40' };
    const { code, out } = await run(['--print-config', '--display', ':7'], env);
    expect(code).toBe(0);
    expect(out).not.toContain('very secret');
    expect(JSON.parse(out)).toMatchObject({
      host: { name: 'from file', display: ':7', video: { fps: 40, bitrateMin: 500_000 } },
    });
  });

  it.each([
    [['--dispaly', ':1'], /Did you mean "--display"/],
    [['--config', '/nowhere.json'], /\/nowhere\.json: cannot be read/],
    [['--set', 'host.video.fsp=1'], /Did you mean "host\.video\.fps"/],
  ])('ends with one clear line for %j', async (args, message) => {
    const { code, err } = await run(args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toContain('    at '); // no stack for a user's mistake
  });

  it('says what is missing when the native libraries are', async () => {
    const { code, err } = await run([], { PEERDECK_NATIVE_DIR: dir });
    expect(code).toBe(1);
    expect(err).toMatch(/native library not found.*\n.*libpion_webrtc\.so \(absent\)/);
    expect(err).toContain('nx run-many -t build');
  });

  it('waits while another agent uses its identity, says so, and goes on when it has ended', async () => {
    const identity = join(dir, 'twice.json');
    const lock = `${identity}.lock`;
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    writeFileSync(lock, `${other.pid} -\n`);
    let ended: number | null = null;
    const end = (): void => {
      ended = other.pid ?? null;
      other.kill('SIGKILL');
    };
    const { err } = await run(
      ['--identity', identity],
      { PEERDECK_NATIVE_DIR: dir },
      (text) => text.includes(`Another agent (process ${other.pid})`) && end(),
    );
    expect(ended).toBe(other.pid);
    expect(err).toContain('native library not found'); // so it went on
    expect(existsSync(lock)).toBe(false);
  });

  it('doctor explains and fails where nothing can be shared', async () => {
    const { code, out } = await run(['--doctor'], { PEERDECK_NATIVE_DIR: dir });
    expect(code).toBe(1);
    expect(out).toContain('✗ native libraries');
    expect(out).toContain('Not ready:');
  });
});
