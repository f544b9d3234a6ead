import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { KeyServer } from '../testing/key-server.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Peer } from '../testing/peer.ts';
import { SECRET, START_S, sign } from '../testing/tokens.ts';
import { MANUAL } from '../docs/env-docs.ts';
import { AUTH_RESULTS } from './authenticator.ts';

/*
 * Who gets in, over real sockets, in both versions of the protocol.
 */

const ON = {
  ENABLE_AUTH: 'true',
  JWT_SECRET: SECRET,
  // Out of the way of hours that pass at once.
  HEARTBEAT_INTERVAL_MS: '3600000',
  HEARTBEAT_TIMEOUT_MS: '86400000',
};
const room = roomId(1);
const NO_ROOMS = 'the token needs the claim rooms, an array of texts';

let clock: ManualClock;
let server: TestService;
beforeEach(async () => {
  clock = new ManualClock();
  server = await startService(ON, { clock });
});
afterEach(async () => {
  expect(server.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  await server.close();
});

const results = (protocol: string, result: string) =>
  server.metric(`signaling_auth_total{protocol="${protocol}",result="${result}"}`);

describe('peerdeck.v2', () => {
  async function refused(peer: Peer, code: string, closeCode: number): Promise<string> {
    const error = await peer.next('error');
    expect(error).toMatchObject({ code, fatal: true });
    expect((await peer.closed).code).toBe(closeCode);
    expect(peer.types()).not.toContain('welcome');
    return String(error['message']);
  }

  test('a token in the join lets in', async () => {
    const host = await server.v2();
    await host.join(room, 'host', { token: await sign({ claims: { rooms: [room] } }) });
    expect(await results('v2', 'ok')).toBe(1);
  });

  test('a token as a subprotocol lets in, and is not answered back', async () => {
    const token = await sign({ claims: { role: 'viewer' } });
    const peer = await Peer.open(server.url, [`peerdeck.token.${token}`, 'peerdeck.v2']);
    await peer.join(room, 'viewer');
    expect(peer.socket.protocol).toBe('peerdeck.v2');
  });

  test('the token of the join goes over the one of the handshake', async () => {
    const wrong = await sign({ claims: { rooms: ['other'] } });
    const peer = await Peer.open(server.url, ['peerdeck.v2', `peerdeck.token.${wrong}`]);
    await peer.join(room, 'viewer', { token: await sign() });
  });

  test('a token in the URL does not count', async () => {
    const peer = await Peer.open(`${server.url}/?token=${await sign()}`, ['peerdeck.v2']);
    peer.send({ type: 'join', room, role: 'viewer' });
    expect(await refused(peer, 'unauthorized', 4001)).toContain('asks for a token');
    expect(await results('v2', 'missing')).toBe(1);
  });

  test.each([
    ['expired', { claims: { exp: START_S - 6 } }, 'unauthorized', 4001],
    ['no-expiry', { without: ['exp'] }, 'unauthorized', 4001],
    ['not-yet-valid', { claims: { nbf: START_S + 60 } }, 'unauthorized', 4001],
    ['claims', { without: ['rooms'] }, 'forbidden', 4003],
    ['claims', { claims: { rooms: '*' } }, 'forbidden', 4003],
    ['room', { claims: { rooms: ['1*', roomId(2)] } }, 'forbidden', 4003],
    ['role', { claims: { role: 'viewer' } }, 'forbidden', 4003],
    ['role', { without: ['role'] }, 'forbidden', 4003],
  ])('%s: %j', async (result, request, code, closeCode) => {
    const peer = await server.v2();
    const frames = { type: 'join', room, role: 'host', token: await sign(request) };
    peer.send(frames);
    await refused(peer, code, closeCode);
    expect(await results('v2', result)).toBe(1);
    expect(await server.metric(`signaling_joins_total{protocol="v2",result="${code}"}`)).toBe(1);
    expect(await server.metric('signaling_rooms{kind="v2"}')).toBe(0);
  });

  test('what follows a refused join reaches nobody', async () => {
    const host = await server.v2();
    await host.join(room, 'host', { token: await sign() });
    const viewer = await server.v2();
    viewer.send({ type: 'join', room, role: 'viewer', token: 'x' });
    viewer.send({ type: 'offer', session: 's', sdp: 'x' });
    await refused(viewer, 'unauthorized', 4001);
    await host.settle();
    expect(host.types()).not.toContain('offer');
    expect(host.types()).not.toContain('member-joined');
  });

  test('what follows a join that is let in arrives', async () => {
    const host = await server.v2();
    await host.join(room, 'host', { token: await sign() });
    const viewer = await server.v2();
    viewer.send({ type: 'join', room, role: 'viewer', token: await sign() });
    viewer.send({ type: 'offer', session: 's', sdp: 'x' });
    await host.next('offer');
  });

  test('a connection closes when its token ends; with a new one it has its place back', async () => {
    const host = await server.v2();
    await host.join(room, 'host', { token: await sign({ claims: { exp: START_S + 3600 } }) });
    const viewer = await server.v2();
    const { resume, peerId } = await viewer.join(room, 'viewer', { token: await sign() });
    viewer.send({ type: 'offer', session: 's', sdp: 'x' });
    await host.next('offer');
    clock.advance(64_000);
    await viewer.settle();
    clock.advance(1000);
    expect(await refusedLater(viewer)).toBe(4001);
    expect(await host.next('member-detached')).toMatchObject({ peerId });
    expect(await results('v2', 'expired-connected')).toBe(1);
    const again = await server.v2();
    again.send({ type: 'join', room, role: 'viewer', resume, token: await sign() });
    await refused(again, 'unauthorized', 4001);
    const renewed = await server.v2();
    const token = await sign({ claims: { exp: START_S + 3600 } });
    expect(await renewed.join(room, 'viewer', { resume, token })).toMatchObject({
      peerId,
      resumed: true,
    });
    await host.next('member-resumed');
  });

  test('a token without a near end keeps no connection from living', async () => {
    const host = await server.v2();
    await host.join(room, 'host', { token: await sign({ claims: { exp: START_S + 1e9 } }) });
    clock.advance(4 * 3600_000);
    await host.settle();
  });

  test('a connection that ends leaves no timer behind', async () => {
    const before = clock.pending;
    const host = await server.v2();
    await host.join(room, 'host', { token: await sign() });
    host.send({ type: 'leave' });
    await host.closed;
    await until(() => clock.pending <= before);
  });

  async function refusedLater(peer: Peer): Promise<number> {
    const error = await peer.next('error');
    expect(error).toMatchObject({ code: 'unauthorized', fatal: true });
    return (await peer.closed).code;
  }
});

describe('the original protocol', () => {
  const url = (token?: string) =>
    `${server.url}/?roomId=the-room${token === undefined ? '' : `&token=${token}`}`;
  const joined = async (count: number) => {
    await until(async () => (await server.metric('signaling_rooms{kind="original"}')) === 1);
    await until(
      async () => (await server.metric('signaling_members{state="connected"}')) === count,
    );
  };

  test('a token in the URL or as a bearer lets in; roles do not matter', async () => {
    const token = await sign({ claims: { rooms: ['the-*'] }, without: ['role'] });
    const first = await Peer.open(url(token), []);
    await joined(1);
    const second = await Peer.open(url(), [], { headers: { Authorization: `Bearer ${token}` } });
    second.send({ type: 'offer', sdp: 'x' });
    expect(await first.next()).toEqual({ type: 'offer', sdp: 'x' });
    expect(await results('original', 'ok')).toBe(2);
  });

  test.each([
    ['missing', undefined, 'Unauthorized: this service asks for a token'],
    ['malformed', 'x.y.z', 'Unauthorized: the token is not a JWT'],
    [
      'expired',
      { claims: { exp: START_S - 60 } },
      'Unauthorized: the token has expired, get a new one (60 s by the clock here)',
    ],
    [
      'not-yet-valid',
      { claims: { nbf: START_S + 90 } },
      'Unauthorized: the token is not valid yet (nbf) (90 s by the clock here)',
    ],
    ['claims', { without: ['rooms'] }, `Forbidden: ${NO_ROOMS}`],
    ['claims', { claims: { rooms: 'the-room' } }, `Forbidden: ${NO_ROOMS}`],
    ['room', { claims: { rooms: ['other'] } }, 'Forbidden: the token does not allow this room'],
  ])('%s: 1008', async (result, request, reason) => {
    const token = typeof request === 'object' ? await sign(request) : request;
    const peer = new Peer(url(token), []);
    expect(await peer.closed).toEqual({ code: 1008, reason });
    expect(await results('original', result)).toBe(1);
  });

  test('it closes when the token ends, and the other hears it', async () => {
    const stays = await Peer.open(url(await sign({ claims: { exp: START_S + 3600 } })), []);
    await joined(1);
    const goes = await Peer.open(url(await sign()), []);
    await joined(2);
    clock.advance(65_000);
    const reason = 'Unauthorized: the token has expired, get a new one';
    expect(await goes.closed).toEqual({ code: 1008, reason });
    expect(await stays.next()).toEqual({ type: 'peer-disconnected' });
  });
});

describe('whoever runs the service reads in the log why a token was refused', () => {
  const lines = () =>
    server.log
      .filter((line) => line.includes('"msg":"token refused"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test.each([
    ['v2', ['peerdeck.v2']],
    ['original', []],
  ])(
    '%s: subject, seconds, and what the connection is called elsewhere',
    async (_name, offered) => {
      const token = await sign({ claims: { sub: 'desk-12', exp: START_S - 600 } });
      const peer = new Peer(`${server.url}/?roomId=the-room&token=${token}`, offered);
      if (offered.length > 0) {
        await peer.next('hello');
        peer.send({ type: 'join', room, role: 'viewer', token });
      }
      await peer.closed;
      expect(lines()).toMatchObject([{ fault: 'expired', awayS: 600, subject: 'desk-12' }]);
      expect(lines()[0]).toHaveProperty('connection');
      expect(server.log.join('')).not.toContain(token);
    },
  );

  test('another issuer or audience: both names', async () => {
    await server.close();
    const expected = { JWT_ISSUER: 'us', JWT_AUDIENCE: 'rooms' };
    server = await startService({ ...ON, ...expected }, { clock });
    for (const claims of [
      { iss: 'them', aud: 'rooms' },
      { iss: 'us', aud: ['x', 'y'] },
    ]) {
      const peer = await server.v2();
      peer.send({ type: 'join', room, role: 'viewer', token: await sign({ claims }) });
      await peer.closed;
    }
    expect(lines()).toMatchObject([
      { fault: 'issuer', issuer: 'them', expected: 'us' },
      { fault: 'audience', audience: 'x, y', expected: 'rooms' },
    ]);
  });

  test('a claim of a token that nobody signed is not repeated', async () => {
    const peer = await server.v2();
    const [head, , tail] = (await sign()).split('.');
    const forged = Buffer.from(JSON.stringify({ sub: 'line to fool you' })).toString('base64url');
    peer.send({ type: 'join', room, role: 'viewer', token: `${head}.${forged}.${tail}` });
    await peer.closed;
    expect(lines()).toMatchObject([{ fault: 'signature' }]);
    expect(lines()[0]).not.toHaveProperty('subject');
  });
});

test('a whole session leaves no token in the log', async () => {
  const token = await sign();
  const [, payload = '', signature = ''] = token.split('.');
  const host = await Peer.open(server.url, [`peerdeck.token.${token}`, 'peerdeck.v2']);
  await host.join(room, 'host');
  const viewer = await server.v2();
  await viewer.join(room, 'viewer', { token });
  const wrong = await server.v2();
  wrong.send({ type: 'join', room: roomId(3), role: 'host', token: `${token}x` });
  await wrong.closed;
  const query = `${server.url}/?roomId=the-room&token=${token}`;
  const original = await Peer.open(query, []);
  await until(() => server.log.filter((line) => line.includes('"joined"')).length === 3);
  const headers = { Authorization: `Bearer ${token}x` };
  await new Peer(`${server.url}/?roomId=the-room`, [], { headers }).closed;
  await new Peer(query, ['mqtt', `peerdeck.token.${token}`]).closed;
  original.send('{');
  await original.closed;
  clock.advance(65_000);
  await Promise.all([host.closed, viewer.closed]);
  const text = server.log.join('');
  for (const part of [payload, signature, SECRET, 'the-room', 'token=']) {
    expect(text).not.toContain(part);
  }
  const metrics = await fetch(`http://127.0.0.1:${server.service.healthPort}/metrics`);
  expect(await metrics.text()).not.toContain(payload);
});

test('random tokens never let in, and have few names in the metrics', async () => {
  const good = await sign();
  for (let count = 0; count < 50; count += 1) {
    const bytes = randomBytes(40).toString('base64url');
    const at = Math.floor((good.length * count) / 50);
    const changed = `${good.slice(0, at)}${good[at] === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`;
    for (const token of [bytes, `${bytes}.${bytes}.${bytes}`, changed]) {
      const peer = await server.v2();
      peer.send({ type: 'join', room, role: 'host', token });
      expect((await peer.closed).code).toBe(4001);
    }
  }
  const counts = ['malformed', 'algorithm', 'signature'].map((result) => results('v2', result));
  expect((await Promise.all(counts)).reduce((sum, count) => sum + count)).toBe(150);
});

describe('keys of an issuer', () => {
  let issuer: KeyServer;
  let guarded: TestService;
  beforeEach(async () => {
    issuer = await KeyServer.start();
    const env = { ENABLE_AUTH: 'true', JWT_JWKS_URL: issuer.url };
    guarded = await startService(env, { clock });
  });
  afterEach(async () => {
    await guarded.close();
    await issuer.close();
  });

  async function enter(token: string): Promise<string> {
    const peer = await guarded.v2();
    peer.send({ type: 'join', room: roomId(5), role: 'viewer', token });
    const answer = await Promise.race([peer.next('welcome'), peer.closed]);
    if (!('code' in answer)) peer.socket.terminate();
    return 'code' in answer ? String(answer['code']) : 'in';
  }

  test('a rotation of keys goes by without anybody noticing', async () => {
    const old = issuer.publish('2029', 'RS256');
    expect(await enter(await sign({ alg: 'RS256', kid: '2029', key: old }))).toBe('in');
    const young = issuer.publish('2030');
    const token = await sign({ alg: 'ES256', kid: '2030', key: young });
    expect(await enter(token)).toBe('4001');
    clock.advance(30_000);
    expect(await enter(token)).toBe('in');
    expect(await enter(await sign({ alg: 'RS256', kid: '2029', key: old }))).toBe('in');
    issuer.keys.shift();
    clock.advance(600_001);
    const exp = START_S + 3600;
    const late = { claims: { exp }, alg: 'RS256', kid: '2029', key: old };
    expect(await enter(await sign(late))).toBe('4001');
    expect(issuer.asked).toBe(3);
  });

  test('a token by HS256 does not even ask for keys', async () => {
    expect(await enter(await sign())).toBe('4001');
    expect(issuer.asked).toBe(0);
  });

  test('while keys cannot be had, clients hear that they may come back', async () => {
    issuer.status = 500;
    const key = issuer.publish('a');
    const token = await sign({ alg: 'ES256', kid: 'a', key });
    expect(await enter(token)).toBe('1013');
    const original = new Peer(`${guarded.url}/?roomId=r&token=${token}`, []);
    expect((await original.closed).code).toBe(1013);
    const warnings = guarded.log.filter((line) => line.includes('JWT_JWKS_URL'));
    expect(warnings).toHaveLength(1);
    issuer.status = 200;
    clock.advance(30_000);
    expect(await enter(token)).toBe('in');
  });
});

test('the manual lists the results that the metric may have', () => {
  const line = /^`signaling_auth_total\{protocol,result\}` counts: (.*)$/m;
  const listed = line.exec(readFileSync(MANUAL, 'utf8'))?.[1] ?? '';
  const names = [...listed.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  expect(names.toSorted()).toEqual(AUTH_RESULTS.toSorted());
});
