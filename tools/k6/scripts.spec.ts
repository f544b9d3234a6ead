import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findK6, howToGetK6 } from './k6.ts';
import { SCENARIOS } from './scenarios.ts';
import { readSettings, roomId, roomsOf } from './scripts/settings.ts';

const run = promisify(execFile);
const scripts = fileURLToPath(new URL('scripts', import.meta.url));
const k6 = findK6();
const withK6 = k6 === undefined ? it.skip : it;

describe('the scenarios', () => {
  it('agree with the types of k6', async () => {
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    await expect(run(process.execPath, [tsc, '-p', scripts])).resolves.toBeDefined();
  }, 60_000);

  withK6(
    `are read by k6${k6 === undefined ? ` (${howToGetK6()})` : ''}`,
    async () => {
      for (const { name } of SCENARIOS) {
        const { stdout } = await run(k6 ?? '', ['inspect', `${scripts}/${name}.ts`]);
        const { thresholds } = JSON.parse(stdout) as { thresholds: object };
        expect(Object.keys(thresholds)).toContain('signaling_errors');
        expect(Object.keys(thresholds)).toContain('checks');
      }
    },
    60_000,
  );
});

describe('their settings', () => {
  it('have defaults', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({ protocol: 'v2', rooms: 100, urls: ['ws://127.0.0.1:3002'] });
  });

  it.each([
    [{ ROOMS: 'many' }, /ROOMS=many/],
    [{ ROOMS: '0' }, /ROOMS=0: a number of at least 1/],
    [{ RATE: '-1' }, /RATE=-1/],
    [{ URL: 'http://a' }, /URL=http:\/\/a: ws:\/\/ or wss:\/\//],
    [{ PROTOCOL: 'v1' }, /PROTOCOL=v1/],
  ])('refuse %j', (env, message) => {
    expect(() => readSettings(env)).toThrow(message);
  });

  it('give every room to one virtual user', () => {
    for (const [rooms, vus] of [
      [1, '1'],
      [7, '3'],
      [1000, '40'],
      [3, '9'],
    ] as const) {
      const settings = readSettings({ ROOMS: String(rooms), VUS: vus });
      const all = Array.from({ length: settings.vus }, (_, vu) => roomsOf(settings, vu + 1)).flat();
      expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: rooms }, (_, room) => room));
    }
  });

  it('call rooms as the protocol wants them, each by a name of its own', () => {
    const ids = [roomId('0a1b2c3d', 1), roomId('0a1b2c3d', 0, 1), roomId('0a1b2c3d', 12, 3, 4)];
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{32}$/);
  });
});
