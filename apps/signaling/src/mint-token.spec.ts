import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { mintToken, type MintOptions } from './mint-token.ts';
import { roomId, startService } from './testing/harness.ts';
import { SECRET } from './testing/tokens.ts';

const NOW = 1_900_000_000_000;

function mint(args: string, options: Partial<MintOptions> = {}): Promise<string> {
  return mintToken({
    args: args.split(' ').filter((arg) => arg !== ''),
    env: { JWT_SECRET: SECRET },
    readFile: () => {
      throw new Error('not there');
    },
    now: NOW,
    ...options,
  });
}

test('claims and header are what was asked for', async () => {
  const token = await mint('--room a --room b* --role host --role viewer --ttl 15m --subject x');
  expect(decodeJwt(token.trim())).toEqual({
    rooms: ['a', 'b*'],
    role: ['host', 'viewer'],
    sub: 'x',
    iat: NOW / 1000,
    exp: NOW / 1000 + 900,
  });
  expect(decodeProtectedHeader(token.trim())).toEqual({ alg: 'HS256', typ: 'JWT' });
});

test('issuer, audience and algorithm are those of the service', async () => {
  const env = {
    JWT_SECRET: SECRET.repeat(2),
    JWT_ISSUER: 'me',
    JWT_AUDIENCE: 'you',
    JWT_ALGORITHMS: 'HS512,HS256',
  };
  const token = (await mint('--room *', { env })).trim();
  expect(decodeJwt(token)).toMatchObject({ iss: 'me', aud: 'you', exp: NOW / 1000 + 3600 });
  expect(decodeJwt(token)).not.toHaveProperty('role');
  expect(decodeProtectedHeader(token).alg).toBe('HS512');
  const other = (await mint('--room * --audience them --algorithm HS256', { env })).trim();
  expect(decodeJwt(other)).toMatchObject({ iss: 'me', aud: 'them' });
});

test.each([
  ['', '--room is missing'],
  ['--room a --role root', '--role root'],
  ['--room a*b', '--room a*b'],
  ['--room a --ttl 1y', '--ttl 1y'],
  ['--room a --ttl 0s', '--ttl 0s'],
  ['--room a --ttl 400d', '366d'],
  ['--room a --secret hush', '--help'],
  ['--room a --secret-file /nowhere', 'cannot be read'],
  ['--room a --algorithm RS256', 'HS256, HS384, HS512'],
  ['--room a --algorithm HS512', 'needs at least 64'],
])('%s is refused', async (args, says) => {
  await expect(mint(args)).rejects.toThrow(says);
});

test('no secret, a short one, and a token that is too long are refused', async () => {
  await expect(mint('--room a', { env: {} })).rejects.toThrow('JWT_SECRET is empty');
  const readFile = () => 'short\n';
  await expect(mint('--room a --secret-file f', { readFile })).rejects.toThrow('5 bytes');
  const rooms = Array.from({ length: 300 }, (_, count) => `--room ${roomId(count)}`);
  await expect(mint(rooms.join(' '))).rejects.toThrow('name fewer rooms');
});

test('a token of the command opens the door of the service', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-mint-'));
  const file = join(folder, 'secret');
  writeFileSync(file, `${SECRET}\n`);
  const args = ['--room', roomId(1), '--role', 'host', '--ttl', '5m', '--secret-file', file];
  const { code, out, err } = await run(args, folder);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  rmSync(folder, { recursive: true });
  const server = await startService({ ENABLE_AUTH: 'true', JWT_SECRET: SECRET });
  const host = await server.v2();
  await host.join(roomId(1), 'host', { token: out.trim() });
  await server.close();
});

test('a mistake is one line on stderr, and nothing on stdout', async () => {
  const { code, out, err } = await run(['--room', 'a'], tmpdir());
  expect(code).toBe(64);
  expect(out).toBe('');
  expect(err).toBe('mint-token: JWT_SECRET is empty: it holds the secret of the service.\n');
});

function run(args: string[], cwd: string) {
  const script = fileURLToPath(new URL('./mint-token.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@peerdeck/source', script, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] },
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (output.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output.err += data.toString()));
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.once('close', (code) => {
      resolve({ code, ...output });
    });
  });
}
