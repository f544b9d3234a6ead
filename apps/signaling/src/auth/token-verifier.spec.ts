import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { ManualClock } from '../testing/manual-clock.ts';
import { SECRET, START_S, sign, unsigned, type TokenRequest } from '../testing/tokens.ts';
import { TokenVerifier, type TokenVerifierOptions } from './token-verifier.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const secret = createSecretKey(Buffer.from(SECRET));

function verifier(options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  return new TokenVerifier({
    key: () => secret,
    algorithms: ['HS256'],
    issuer: 'me',
    audience: 'you',
    skewS: 5,
    clock: new ManualClock(),
    ...options,
  });
}

const named = { iss: 'me', aud: 'you' };

test('a good token grants what its claims say, until exp and the skew are over', async () => {
  const token = await sign({ claims: { ...named, rooms: ['a', 'b*'], role: 'viewer' } });
  expect(await verifier().verify(token)).toMatchObject({
    ok: true,
    grant: { rooms: ['a', 'b*'], roles: new Set(['viewer']), endsAt: (START_S + 65) * 1000 },
  });
});

const bad: [string, TokenRequest, string][] = [
  ['expired', { claims: { exp: START_S - 5 } }, 'expired'],
  ['without exp', { without: ['exp'] }, 'no-expiry'],
  ['exp as a text', { claims: { exp: '9999999999' as unknown as number } }, 'malformed'],
  ['nbf in the future', { claims: { nbf: START_S + 6 } }, 'not-yet-valid'],
  ['another issuer', { claims: { iss: 'them' } }, 'issuer'],
  ['without issuer', { without: ['iss'] }, 'issuer'],
  ['another audience', { claims: { aud: ['them'] } }, 'audience'],
  ['without audience', { without: ['aud'] }, 'audience'],
  ['without rooms', { without: ['rooms'] }, 'claims'],
  ['rooms as a text', { claims: { rooms: '*' } }, 'claims'],
  ['another algorithm of the same kind', { alg: 'HS512', key: secretOf(64) }, 'algorithm'],
  ['another secret', { key: secretOf(32) }, 'signature'],
  ['signed by a private key', { alg: 'RS256', key: rsa.privateKey }, 'algorithm'],
];

test.each(bad)('%s is refused', async (_name, request, fault) => {
  const token = await sign({ ...request, claims: { ...named, ...request.claims } });
  expect(await verifier().verify(token)).toMatchObject({ ok: false, fault });
});

test('the skew is allowed for, and no more', async () => {
  const late = await sign({ claims: { ...named, exp: START_S - 4 } });
  const early = await sign({ claims: { ...named, nbf: START_S + 5 } });
  for (const token of [late, early]) {
    expect((await verifier().verify(token)).ok).toBe(true);
    expect((await verifier({ skewS: 0 }).verify(token)).ok).toBe(false);
  }
});

test('without issuer and audience in the configuration any will do', async () => {
  const any = verifier({ issuer: '', audience: '' });
  expect((await any.verify(await sign())).ok).toBe(true);
});

const claims: JWTPayload = { ...named, rooms: ['*'], role: 'host', exp: START_S + 60 };

test('an unsigned token is refused, whoever asks', async () => {
  const expected = { ok: false, fault: 'algorithm' };
  expect(await verifier().verify(unsigned(claims))).toEqual(expected);
  const byKey = verifier({ key: () => rsa.publicKey, algorithms: ['RS256'] });
  expect(await byKey.verify(unsigned(claims))).toEqual(expected);
});

test('a public key is no secret: HS256 with its text is refused', async () => {
  const byKey = verifier({ key: () => rsa.publicKey, algorithms: ['RS256'] });
  for (const type of ['spki', 'pkcs1'] as const) {
    const pem = rsa.publicKey.export({ type, format: 'pem' });
    const forged = await sign({ claims, key: createSecretKey(Buffer.from(pem)) });
    expect(await byKey.verify(forged)).toEqual({ ok: false, fault: 'algorithm' });
  }
  const genuine = await sign({ claims, alg: 'RS256', key: rsa.privateKey });
  expect((await byKey.verify(genuine)).ok).toBe(true);
});

test('a changed payload is refused', async () => {
  const [head = '', , signature = ''] = (await sign({ claims: named })).split('.');
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const token = [head, payload, signature].join('.');
  expect(await verifier().verify(token)).toEqual({ ok: false, fault: 'signature' });
});

test.each([
  [undefined, 'missing'],
  ['', 'missing'],
  ['x', 'malformed'],
  ['a.b.c', 'malformed'],
  ['..', 'malformed'],
  [`${'a'.repeat(9000)}.b.c`, 'malformed'],
])('%s is %s', async (token, fault) => {
  expect(await verifier().verify(token)).toMatchObject({ ok: false, fault });
});

test('without an algorithm there is no verifier', () => {
  expect(() => verifier({ algorithms: [] })).toThrow('algorithms');
});

function secretOf(bytes: number) {
  return createSecretKey(Buffer.alloc(bytes, 1));
}
