import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { Bystanders } from '../testing/bystanders.ts';
import { roomId, startService, type TestService } from '../testing/harness.ts';
import { Peer } from '../testing/peer.ts';
import { SECRET, sign, unsigned } from '../testing/tokens.ts';

/*
 * Every token that must not open a room, by both ways that a token comes: a typed error, the
 * close code, a metric, and two members with good tokens who go on meanwhile.
 */

const exp = Math.floor(Date.now() / 1000) + 3600;
const claims = { rooms: [roomId(1)], role: 'viewer', iss: 'us', aud: 'rooms', exp };
const everything = { ...claims, rooms: ['*'], role: ['host', 'viewer'] };
const secret = createSecretKey(Buffer.from(SECRET));
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

const tokens: [string, string, () => Promise<string> | string][] = [
  ['nothing', 'missing', () => ''],
  ['no JWT', 'malformed', () => 'x.y.z'],
  ['a JWT of five parts', 'malformed', async () => `${await sign({ claims })}.a.b`],
  ['one that is unsigned', 'algorithm', () => unsigned(claims)],
  ['one that is unsigned, by another case', 'algorithm', () => handMade({ alg: 'nOnE' })],
  ['another algorithm of the same key', 'algorithm', () => sign({ claims, alg: 'HS384' })],
  ['an RSA signature', 'algorithm', () => sign({ claims, alg: 'RS256', key: rsa.privateKey })],
  ['another key', 'signature', () => sign({ claims, key: createSecretKey(Buffer.alloc(32, 1)) })],
  ['a signature of nothing', 'signature', () => handMade({ alg: 'HS256' })],
  [
    'claims that were changed',
    'signature',
    async () => {
      const [head, , tail] = (await sign({ claims })).split('.');
      return `${head}.${Buffer.from(JSON.stringify(everything)).toString('base64url')}.${tail}`;
    },
  ],
  [
    'a header that demands what nobody knows',
    'malformed',
    () =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', crit: ['x'], x: 1 })
        .sign(secret, { crit: { x: true } }),
  ],
  ['one that has ended', 'expired', () => sign({ claims: { ...claims, exp: exp - 7200 } })],
  ['one without an end', 'no-expiry', () => sign({ claims, without: ['exp'] })],
  ['one that is not good yet', 'not-yet-valid', () => sign({ claims: { ...claims, nbf: exp } })],
  ['another issuer', 'issuer', () => sign({ claims: { ...claims, iss: 'them' } })],
  ['no issuer', 'issuer', () => sign({ claims, without: ['iss'] })],
  ['another audience', 'audience', () => sign({ claims: { ...claims, aud: ['x', 'y'] } })],
  ['no audience', 'audience', () => sign({ claims, without: ['aud'] })],
  ['no rooms', 'claims', () => sign({ claims, without: ['rooms'] })],
  ['rooms as a text', 'claims', () => sign({ claims: { ...claims, rooms: '*' } })],
  ['rooms as an object', 'claims', () => sign({ claims: { ...claims, rooms: { length: 1 } } })],
  ['another room', 'room', () => sign({ claims: { ...claims, rooms: [roomId(2)] } })],
  ['no role', 'role', () => sign({ claims, without: ['role'] })],
  ['another role', 'role', () => sign({ claims: { ...claims, role: 'host' } })],
];

/** A header of any kind, and a signature that is none. */
function handMade(header: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${'A'.repeat(43)}`;
}

describe('with JWT_SECRET', () => {
  let server: TestService;
  let bystanders: Bystanders;
  beforeAll(async () => {
    const expected = { JWT_ISSUER: 'us', JWT_AUDIENCE: 'rooms' };
    server = await startService({ ENABLE_AUTH: 'true', JWT_SECRET: SECRET, ...expected });
    bystanders = await Bystanders.start(server, { token: await sign({ claims: everything }) });
  });
  afterAll(async () => {
    await bystanders.unharmed();
    await bystanders.stop();
    await server.close();
  });

  test.each(tokens)('%s: %s', async (_name, result, make) => {
    const token = await make();
    const counted = `signaling_auth_total{protocol="v2",result="${result}"}`;
    const before = await server.metric(counted);
    const inJoin = await server.v2();
    inJoin.send({ type: 'join', room: roomId(1), role: 'viewer', token });
    const offered = token === '' ? [] : [`peerdeck.token.${token}`];
    const inHandshake = await Peer.open(server.url, ['peerdeck.v2', ...offered]);
    inHandshake.send({ type: 'join', room: roomId(1), role: 'viewer' });
    const forbidden = ['claims', 'room', 'role'].includes(result);
    for (const peer of [inJoin, inHandshake]) {
      const code = forbidden ? 'forbidden' : 'unauthorized';
      expect(await peer.next('error')).toMatchObject({ code, fatal: true });
      expect((await peer.closed).code).toBe(forbidden ? 4003 : 4001);
    }
    expect(await server.metric(counted)).toBe(before + 2);
    expect(await server.metric('signaling_rooms{kind="v2"}')).toBe(1);
    if (token !== '') expect(server.log.join('')).not.toContain(token);
  });

  test('a token over the size limit is a field over its limit', async () => {
    const peer = await server.v2();
    peer.send({ type: 'join', room: roomId(1), role: 'viewer', token: 'x'.repeat(8193) });
    expect(await peer.next('error')).toMatchObject({ code: 'too-large', field: 'token' });
    peer.socket.terminate();
  });
});

test('a public key is never taken for the secret of an HS signature', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-keys-'));
  const file = join(folder, 'key.pem');
  const pem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' });
  writeFileSync(file, pem);
  const server = await startService({ ENABLE_AUTH: 'true', JWT_PUBLIC_KEY_FILE: file });
  const token = await sign({ claims: everything, key: createSecretKey(Buffer.from(pem)) });
  const peer = await server.v2();
  peer.send({ type: 'join', room: roomId(1), role: 'viewer', token });
  expect((await peer.closed).code).toBe(4001);
  expect(await server.metric('signaling_auth_total{protocol="v2",result="algorithm"}')).toBe(1);
  await server.close();
  rmSync(folder, { recursive: true });
});
