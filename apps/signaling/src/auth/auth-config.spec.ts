import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../config/config.ts';
import { startService } from '../testing/harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'peerdeck-auth-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
const pem = (key: typeof rsa.publicKey) => String(key.export({ type: 'spki', format: 'pem' }));
const publicKey = file('public.pem', pem(rsa.publicKey));
const privateKey = file(
  'private.pem',
  String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })),
);
const weakKey = file('weak.pem', pem(short.publicKey));
const noKey = file('none.pem', 'nothing');

const secret = 's'.repeat(32);
const on = { ENABLE_AUTH: 'true', REDIS_URL: '' };

const bad: [string, Record<string, string>, string, string][] = [
  ['no key', {}, 'ENABLE_AUTH', 'none is set'],
  [
    'two sources of keys',
    { JWT_SECRET: secret, JWT_PUBLIC_KEY_FILE: publicKey },
    'ENABLE_AUTH',
    'JWT_SECRET and JWT_PUBLIC_KEY_FILE are set',
  ],
  ['a short secret', { JWT_SECRET: 's'.repeat(31) }, 'JWT_SECRET', 'at least 32 bytes'],
  [
    'a secret too short for HS512',
    { JWT_SECRET: 's'.repeat(63), JWT_ALGORITHMS: 'HS256,HS512' },
    'JWT_SECRET',
    'at least 64 bytes',
  ],
  ['none', { JWT_SECRET: secret, JWT_ALGORITHMS: 'none' }, 'JWT_ALGORITHMS', 'HS256'],
  [
    'both kinds',
    { JWT_SECRET: secret, JWT_ALGORITHMS: 'HS256,RS256' },
    'JWT_ALGORITHMS',
    'never both kinds',
  ],
  [
    'a secret for RS256',
    { JWT_SECRET: secret, JWT_ALGORITHMS: 'RS256' },
    'JWT_ALGORITHMS',
    'HS256',
  ],
  [
    'a public key for HS256',
    { JWT_PUBLIC_KEY_FILE: publicKey, JWT_ALGORITHMS: 'HS256' },
    'JWT_ALGORITHMS',
    'RS…',
  ],
  [
    'a key set for HS256',
    { JWT_JWKS_URL: 'https://i.example/keys', JWT_ALGORITHMS: 'HS256' },
    'JWT_ALGORITHMS',
    'RS…',
  ],
  ['keys in the clear', { JWT_JWKS_URL: 'http://i.example/keys' }, 'JWT_JWKS_URL', 'https://'],
  ['a file of keys', { JWT_JWKS_URL: 'file:///keys' }, 'JWT_JWKS_URL', 'https://'],
  ['a skew of hours', { JWT_SECRET: secret, JWT_CLOCK_SKEW_S: '7200' }, 'JWT_CLOCK_SKEW_S', '300'],
  ['no file', { JWT_PUBLIC_KEY_FILE: '/nowhere' }, 'JWT_PUBLIC_KEY_FILE', 'may read'],
  ['a file without a key', { JWT_PUBLIC_KEY_FILE: noKey }, 'JWT_PUBLIC_KEY_FILE', 'public key'],
  ['a private key', { JWT_PUBLIC_KEY_FILE: privateKey }, 'JWT_PUBLIC_KEY_FILE', 'public key only'],
  ['a weak key', { JWT_PUBLIC_KEY_FILE: weakKey }, 'JWT_PUBLIC_KEY_FILE', '2048'],
  [
    'an algorithm of another key',
    { JWT_PUBLIC_KEY_FILE: publicKey, JWT_ALGORITHMS: 'ES256' },
    'JWT_ALGORITHMS',
    'RS256',
  ],
];

test.each(bad)('%s stops the start, by one line', async (_name, env, variable, says) => {
  const error: unknown = await startService({ ...on, ...env }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConfigError);
  const { message } = error as ConfigError;
  expect(message).toMatch(new RegExp(`^${variable}=.* is not allowed. Allowed: .+\\.$`));
  expect(message).toContain(says);
  expect(message).not.toContain('sss');
});

test.each([
  ['a secret', { JWT_SECRET: secret }],
  ['a secret and two algorithms', { JWT_SECRET: 's'.repeat(48), JWT_ALGORITHMS: 'HS256,HS384' }],
  ['a public key', { JWT_PUBLIC_KEY_FILE: publicKey }],
  ['a public key and PS256', { JWT_PUBLIC_KEY_FILE: publicKey, JWT_ALGORITHMS: 'PS256' }],
  ['a key set', { JWT_JWKS_URL: 'https://i.example/keys' }],
  ['a key set of this machine', { JWT_JWKS_URL: 'http://localhost:8081/keys' }],
])('%s is enough', async (_name, env) => {
  const server = await startService({ ...on, ...env });
  await server.close();
});

test('with ENABLE_AUTH=false keys may be there', () => {
  expect(parseConfig({ JWT_SECRET: secret }).ENABLE_AUTH).toBe(false);
});
