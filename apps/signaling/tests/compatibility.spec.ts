import { MemoryBus } from '../src/bus/memory.ts';
import { systemClock } from '../src/base/clock.ts';
import { SECRET, sign, unsigned } from '../src/testing/tokens.ts';
import { startService, until, type TestService } from '../src/testing/harness.ts';
import { originalSuite } from '../src/testing/original-suite.ts';
import { Peer } from '../src/testing/peer.ts';

let server: TestService;
afterEach(() => server.close());

describe('the original protocol on one node', () => {
  beforeEach(async () => {
    server = await startService();
  });
  originalSuite(() => ({
    first: server.url,
    second: server.url,
    metric: (line) => server.metric(line),
    forgotten: async () => (await server.metric('signaling_rooms{kind="original"}')) === 0,
  }));
});

describe('its close codes', () => {
  const closing = async (
    env: Record<string, string>,
    url = '/?roomId=r',
    protocols: string[] = [],
    options = {},
  ) => {
    server = await startService(env);
    const peer = new Peer(`${server.url}${url}`, protocols, options);
    return peer.closed;
  };

  test('1008: WSS required, from whoever says so without being a trusted proxy too', async () => {
    const secure = { REQUIRE_WSS: 'true', TRUSTED_PROXIES: '10.0.0.1' };
    const headers = { 'X-Forwarded-Proto': 'https' };
    expect(await closing(secure, '/?roomId=r', [], { headers })).toEqual({
      code: 1008,
      reason: 'WSS required',
    });
  });

  test.each([
    ['Origin not allowed', { ALLOWED_ORIGINS: 'https://a.example' }, '/?roomId=r', []],
    ['Invalid roomId', {}, '/', []],
    ['Invalid roomId', {}, '/?roomId=a%20b', []],
    ['Invalid roomId', {}, `/?roomId=${'x'.repeat(65)}`, []],
    ['Subprotocol not supported', { SUBPROTOCOL: 'acme' }, '/?roomId=r', []],
  ])('1008: %s (%j %s)', async (reason, env, url, protocols) => {
    const options = { origin: 'https://b.example' };
    expect(await closing(env, url, protocols, options)).toEqual({ code: 1008, reason });
  });

  test('1008: malformed, a binary frame; 1009: oversize; 1007: no UTF-8', async () => {
    server = await startService({ MESSAGE_MAX_BYTES: '2048' });
    const ends = async (send: (peer: Peer) => void) => {
      const peer = await server.original('r');
      send(peer);
      return peer.closed;
    };
    const malformed = await ends((peer) => {
      peer.send('not JSON');
    });
    expect(malformed).toEqual({ code: 1008, reason: 'Malformed message' });
    const binary = await ends((peer) => {
      peer.socket.send(Buffer.from('{}'));
    });
    expect(binary.code).toBe(1008);
    const oversize = await ends((peer) => {
      peer.send({ type: 'offer', sdp: 'x'.repeat(2048) });
    });
    expect(oversize.code).toBe(1009);
    const utf8 = await ends((peer) => {
      peer.socket.send(Buffer.from([0xff]), { binary: false });
    });
    expect(utf8.code).toBe(1007);
  });

  const auth = { ENABLE_AUTH: 'true', JWT_SECRET: SECRET, JWT_AUDIENCE: 'rooms' };
  const exp = Math.floor(Date.now() / 1000) + 600;
  const good = { rooms: ['r'], aud: 'rooms', exp };
  test.each<[string, string, () => Promise<string> | string]>([
    ['no token', 'Unauthorized: this service asks for a token', () => ''],
    ['no JWT', 'Unauthorized: the token is not a JWT', () => 'x'],
    ['an unsigned one', 'Unauthorized: the token is not valid', () => unsigned(good)],
    [
      'one without an end',
      'Unauthorized: the token has no exp claim',
      () => sign({ claims: good, without: ['exp'] }),
    ],
    [
      'another algorithm',
      'Unauthorized: the token is not valid',
      () => sign({ claims: good, alg: 'HS512' }),
    ],
    [
      'another audience',
      'Unauthorized: the token is for another audience',
      () => sign({ claims: { ...good, aud: 'x' } }),
    ],
    [
      'a changed one',
      'Unauthorized: the token is not valid',
      async () => (await sign({ claims: good })).replace(/\.[^.]+\./, '.eyJyb29tcyI6WyJyIl19.'),
    ],
    [
      'another room',
      'Forbidden: the token does not allow this room',
      () => sign({ claims: { ...good, rooms: ['s'] } }),
    ],
    [
      'no room',
      'Forbidden: the token needs the claim rooms, an array of texts',
      () => sign({ claims: good, without: ['rooms'] }),
    ],
    [
      'rooms as a text',
      'Forbidden: the token needs the claim rooms, an array of texts',
      () => sign({ claims: { ...good, rooms: 'r' } }),
    ],
  ])('1008: %s: %s', async (_name, reason, token) => {
    const query = `/?roomId=r&token=${await token()}`;
    expect(await closing(auth, query)).toEqual({ code: 1008, reason });
    expect(await server.metric('signaling_rooms{kind="original"}')).toBe(0);
  });

  test('1008: an expired token hears for how long, by whose clock', async () => {
    const token = await sign({ claims: { ...good, exp: exp - 3600 } });
    const { code, reason } = await closing(auth, `/?roomId=r&token=${token}`);
    expect(code).toBe(1008);
    expect(reason).toMatch(
      /^Unauthorized: the token has expired, get a new one \(\d+ s by the clock here\)$/,
    );
  });

  test('a token gets in by the URL, and by Authorization on any path', async () => {
    server = await startService(auth);
    const token = await sign({ claims: good });
    const one = await Peer.open(`${server.url}/some/where?token=${token}&roomId=r`, []);
    const two = await Peer.open(`${server.url}/else?roomId=r`, [], {
      headers: { authorization: `bearer ${token}` },
    });
    two.send({ type: 'offer', sdp: 'x' });
    expect(await one.next()).toEqual({ type: 'offer', sdp: 'x' });
    expect(server.log.join('')).not.toContain(token);
  });

  test('1013: rate limited at the door, and overloaded', async () => {
    server = await startService({ RATE_LIMIT_CONN_PER_10S: '1' });
    await server.original('r');
    expect(await (await server.original('r')).closed).toEqual({
      code: 1013,
      reason: 'Rate limited',
    });
    await server.close();
    server = await startService({ MAX_CONNECTIONS: '1' });
    await server.original('r');
    expect(await (await server.original('r')).closed).toEqual({ code: 1013, reason: 'Overloaded' });
  });

  test('1013: messages over the limit, and a receiver that does not read', async () => {
    server = await startService({ BACKPRESSURE_CLOSE_THRESHOLD_BYTES: '65536' });
    const slow = await server.original('r');
    const fast = await server.original('r');
    slow.socket.pause();
    await until(() => {
      fast.send({ type: 'offer', sdp: 'x'.repeat(60_000) });
      return server.log.some((line) => line.includes('"code":1013'));
    });
    expect(await fast.next()).toEqual({ type: 'peer-disconnected' });
  });

  const bus = () =>
    new MemoryBus({
      nodeId: 'test',
      clock: systemClock,
      limits: { originalCapacity: 2, maxMembers: 17 },
      detachMs: 1000,
      emptyRoomMs: 1000,
      maxEmptyRooms: 100,
    });

  test('1013: unavailable', async () => {
    const closed = bus();
    server = await startService({}, { bus: closed });
    await closed.close();
    const peer = await server.original('r');
    expect(await peer.closed).toEqual({ code: 1013, reason: 'Unavailable' });
  });

  test('1011: a fault of the service, which says nothing of itself', async () => {
    const broken = bus();
    broken.join = () => Promise.reject(new Error('secret of the inside'));
    server = await startService({}, { bus: broken });
    const peer = await server.original('r');
    expect(await peer.closed).toEqual({ code: 1011, reason: 'Internal error' });
    const v2 = await server.v2();
    v2.send({ type: 'join', room: '0'.repeat(32), role: 'host' });
    expect((await v2.closed).code).toBe(1011);
    expect(v2.texts.join('')).not.toContain('inside');
    expect(server.log.some((line) => line.includes('secret of the inside'))).toBe(true);
  });

  test('1012: draining, and nobody hears of a peer that left', async () => {
    server = await startService();
    const [one, two] = [await server.original('r'), await server.original('r')];
    const drained = server.service.drain();
    expect((await one.closed).code).toBe(1012);
    expect((await two.closed).code).toBe(1012);
    expect([...one.texts, ...two.texts]).toEqual([]);
    await drained;
  });
});

describe('its other surfaces', () => {
  test('SUBPROTOCOL is demanded, answered, and relays', async () => {
    server = await startService({ SUBPROTOCOL: 'acme.v1' });
    const one = await Peer.open(`${server.url}/?roomId=r`, ['acme.v1']);
    const two = await Peer.open(`${server.url}/?roomId=r`, ['other', 'acme.v1']);
    expect([one.socket.protocol, two.socket.protocol]).toEqual(['acme.v1', 'acme.v1']);
    two.send({ type: 'offer', sdp: 'x' });
    expect(await one.next()).toEqual({ type: 'offer', sdp: 'x' });
  });

  test('ROOM_CAPACITY members talk to all the others', async () => {
    server = await startService({ ROOM_CAPACITY: '4' });
    const four: Peer[] = [];
    for (let count = 0; count < 4; count += 1) four.push(await server.original('r'));
    await until(async () => (await server.metric('signaling_members{state="connected"}')) === 4);
    four[0]?.send({ type: 'offer', sdp: 'x' });
    for (const peer of four.slice(1))
      expect(await peer.next()).toEqual({ type: 'offer', sdp: 'x' });
    expect((await (await server.original('r')).closed).code).toBe(1000);
    expect(four[0]?.texts).toEqual([]);
  });

  test('plain HTTP gets 426 on WS_PORT; probes and metrics have HEALTH_PORT', async () => {
    server = await startService();
    for (const path of ['/', '/healthz', '/?roomId=r']) {
      const answer = await fetch(`${server.url.replace('ws:', 'http:')}${path}`);
      expect(answer.status).toBe(426);
      expect(answer.headers.get('upgrade')).toBe('websocket');
    }
    const health = `http://127.0.0.1:${server.service.healthPort}`;
    expect((await fetch(`${health}/healthz`)).status).toBe(200);
    expect((await fetch(`${health}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${health}/metrics`)).text()).toContain('signaling_connections');
  });
});
