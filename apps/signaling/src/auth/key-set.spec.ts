import { errors } from 'jose';
import { KeyServer } from '../testing/key-server.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { KeySet, KeysUnavailable, type KeySetOptions } from './key-set.ts';

/*
 * The issuer is a real HTTP server; only the time is the test's.
 */

let issuer: KeyServer;
let clock: ManualClock;
let faults: string[];
beforeEach(async () => {
  issuer = await KeyServer.start();
  clock = new ManualClock();
  faults = [];
});
afterEach(() => issuer.close());

function keySet(options: Partial<KeySetOptions> = {}): KeySet {
  return new KeySet({
    url: issuer.url,
    clock,
    fetch: globalThis.fetch,
    onFault: (reason) => void faults.push(reason),
    cacheMs: 600_000,
    staleMs: 3_600_000,
    cooldownMs: 30_000,
    ...options,
  });
}

const es = (kid: string) => ({ alg: 'ES256', kid });

test('one question serves many tokens', async () => {
  issuer.publish('a');
  const keys = keySet();
  await Promise.all([keys.find(es('a')), keys.find(es('a')), keys.find(es('a'))]);
  await keys.find(es('a'));
  expect(issuer.asked).toBe(1);
});

test('a key that was added is found once the cool-down is over', async () => {
  issuer.publish('a');
  const keys = keySet();
  await keys.find(es('a'));
  issuer.publish('b');
  await expect(keys.find(es('b'))).rejects.toThrow(errors.JWKSNoMatchingKey);
  expect(issuer.asked).toBe(1);
  clock.advance(30_000);
  await keys.find(es('b'));
  expect(issuer.asked).toBe(2);
});

test('tokens with keys that nobody has cause one question in a cool-down', async () => {
  issuer.publish('a');
  const keys = keySet();
  await keys.find(es('a'));
  for (let round = 1; round <= 3; round += 1) {
    clock.advance(30_000);
    const tries = Array.from({ length: 50 }, (_, count) => keys.find(es(`x${round}-${count}`)));
    for (const result of await Promise.allSettled(tries)) expect(result.status).toBe('rejected');
    expect(issuer.asked).toBe(1 + round);
  }
  await keys.find(es('a'));
});

test('a key that was withdrawn stops to work when the cache is over', async () => {
  issuer.publish('a');
  issuer.publish('b');
  const keys = keySet();
  await keys.find(es('a'));
  issuer.keys.shift();
  clock.advance(600_000);
  await keys.find(es('a'));
  clock.advance(1);
  await expect(keys.find(es('a'))).rejects.toThrow(errors.JWKSNoMatchingKey);
});

test('while the issuer is away the last keys serve, for an hour', async () => {
  issuer.publish('a');
  const keys = keySet();
  await keys.find(es('a'));
  issuer.status = 500;
  clock.advance(3_600_000);
  await keys.find(es('a'));
  expect(faults).toEqual(['status 500']);
  clock.advance(1);
  await expect(keys.find(es('a'))).rejects.toThrow(KeysUnavailable);
  clock.advance(30_000);
  issuer.status = 200;
  await keys.find(es('a'));
});

test('an issuer that was never there is asked once in a cool-down, and heard when it is', async () => {
  issuer.status = 503;
  const keys = keySet();
  for (let count = 0; count < 5; count += 1) {
    await expect(keys.find(es('a'))).rejects.toThrow(KeysUnavailable);
  }
  expect(issuer.asked).toBe(1);
  issuer.status = 200;
  issuer.publish('a');
  clock.advance(30_000);
  await keys.find(es('a'));
});

test('an issuer that does not answer is given up', async () => {
  issuer.silent = true;
  const keys = keySet({ timeoutMs: 50 });
  await expect(keys.find(es('a'))).rejects.toThrow(KeysUnavailable);
  expect(faults).toHaveLength(1);
});

test.each([
  ['no JSON', { body: '<html>' }, 'not a key set'],
  ['no key set', { body: '{"keys":{}}' }, 'not a key set'],
  ['too many keys', { body: JSON.stringify({ keys: Array(129).fill({ kty: 'EC' }) }) }, 'not a'],
  ['too large', { body: `{"keys":[],"x":"${'x'.repeat(300_000)}"}` }, 'more than 262144 bytes'],
  ['a redirect', { status: 302, headers: { Location: 'http://127.0.0.1:9/' } }, 'redirect'],
])('%s is not taken', async (_name, answer, reason) => {
  Object.assign(issuer, answer);
  await expect(keySet().find(es('a'))).rejects.toThrow(KeysUnavailable);
  expect(faults.join()).toContain(reason);
});

test('a token without kid needs a set in which one key fits', async () => {
  issuer.publish('a');
  issuer.publish('r', 'RS256');
  const keys = keySet();
  await keys.find({ alg: 'ES256' });
  issuer.publish('b');
  clock.advance(600_001);
  await expect(keys.find({ alg: 'ES256' })).rejects.toThrow(errors.JWKSMultipleMatchingKeys);
});
