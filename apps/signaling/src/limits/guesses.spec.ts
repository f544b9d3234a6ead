import { KeyedLimiter } from './limiter.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Peer } from '../testing/peer.ts';
import { SECRET, sign } from '../testing/tokens.ts';
import { Guesses } from './guesses.ts';

describe('what is counted', () => {
  const guesses = (more: { limit?: number; maxAddresses?: number; maxRooms?: number } = {}) =>
    new Guesses({
      limiter: new KeyedLimiter({ limit: more.limit ?? 3, periodMs: 60_000, maxKeys: 1000 }),
      ...{ maxAddresses: 100, maxRooms: 8, ...more },
    });

  test('rooms that are new to an address; those that it knows stay open to it', () => {
    const some = guesses();
    some.found('a', 'home');
    for (const room of ['1', '2', '3', '1', '2', '3']) some.missed('a', room, 0);
    expect(some.wait('a', '4', 0)).toBe(20_000);
    expect(some.wait('a', 'home', 0)).toBe(0);
    expect(some.wait('a', '2', 0)).toBe(0);
    expect(some.wait('b', '4', 0)).toBe(0);
    expect(some.wait('a', '4', 20_000)).toBe(0);
    some.missed('a', '4', 20_000);
    expect(some.wait('a', '5', 20_000)).toBe(20_000);
  });

  test('one room again and again is one guess, for hours', () => {
    const some = guesses();
    for (let now = 0; now < 3_600_000; now += 3000) some.missed('a', 'waiting', now);
    expect(some.wait('a', 'other', 3_600_000)).toBe(0);
  });

  test('memory is bounded, by addresses and by rooms of one', () => {
    const some = guesses({ limit: 1_000_000 });
    for (let count = 0; count < 1000; count += 1) some.missed(`address-${count}`, 'r', 0);
    expect(some.size).toBe(100);
    const one = guesses({ limit: 1, maxRooms: 2 });
    for (const room of ['1', '2', '3']) one.missed('a', room, 0);
    expect(one.wait('a', '1', 0)).toBeGreaterThan(0);
    expect(one.wait('a', '3', 0)).toBe(0);
  });
});

describe('over real sockets', () => {
  let server: TestService;
  let clock: ManualClock;
  const peers: Peer[] = [];
  /** Believed where the test trusts this machine as a proxy. */
  let address = '198.51.100.1';
  const start = async (limit: number, env: Record<string, string> = {}) => {
    clock = new ManualClock();
    server = await startService({ RATE_LIMIT_GUESSES_PER_60S: String(limit), ...env }, { clock });
  };
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.socket.terminate();
    await server.close();
  });
  async function v2(): Promise<Peer> {
    const headers = { 'X-Forwarded-For': address };
    const peer = await Peer.open(server.url, ['peerdeck.v2'], { headers });
    peers.push(peer);
    return peer;
  }
  /** Joins; how that ends: 'in', or the close code. */
  async function tries(room: number, role: 'host' | 'viewer', more: object = {}) {
    const peer = await v2();
    peer.send({ type: 'join', room: roomId(room), role, ...more });
    const answer = await Promise.race([peer.next('welcome'), peer.closed]);
    return { peer, end: 'code' in answer ? answer['code'] : 'in' };
  }
  const limited = () => server.metric('signaling_rate_limited_total{scope="guesses"}');
  async function original(room: string) {
    const peer = new Peer(`${server.url}/?roomId=${room}`, []);
    peers.push(peer);
    await peer.opened;
    return peer;
  }
  const ins = () => server.log.filter((line) => line.includes('"msg":"joined"')).length;

  test('v2: joins into rooms without a host are slowed, with a hint; 4008', async () => {
    await start(5);
    for (let room = 0; room < 5; room += 1) {
      const { peer, end } = await tries(room, 'viewer');
      expect(end).toBe('in');
      peer.socket.close();
    }
    const { peer, end } = await tries(99, 'viewer');
    expect(end).toBe(4008);
    expect(peer.received.at(-1)).toMatchObject({
      type: 'error',
      code: 'rate-limited',
      fatal: true,
      retryAfterMs: 12_000,
    });
    expect(await limited()).toBe(1);
    expect(await server.metric('signaling_joins_total{protocol="v2",result="rate-limited"}')).toBe(
      1,
    );
    clock.advance(12_000);
    expect((await tries(99, 'viewer')).end).toBe('in');
    expect((await tries(98, 'viewer')).end).toBe(4008);
  });

  test('v2: rooms that refuse count too', async () => {
    await start(3, { ROOM_MAX_MEMBERS: '2', TRUSTED_PROXIES: '127.0.0.1' });
    const host = await tries(1, 'host');
    await tries(1, 'viewer');
    // Only viewers whom the host has answered make a room full.
    const { peerId } = await host.peer.next('member-joined');
    host.peer.send({ type: 'answer', to: peerId, session: 's', sdp: 'v=0' });
    await tries(2, 'host');
    await original(roomId(3));
    await until(() => ins() === 4);
    address = '198.51.100.7';
    expect((await tries(1, 'viewer')).end).toBe(4009);
    expect((await tries(2, 'host')).end).toBe(4011);
    expect((await tries(3, 'viewer')).end).toBe(4017);
    expect((await tries(9, 'viewer')).end).toBe(4008);
    expect((await tries(1, 'viewer')).end).toBe(4009);
    address = '198.51.100.8';
    expect((await tries(9, 'viewer')).end).toBe('in');
  });

  test('v2: what a token does not allow counts, and is refused before it is looked at', async () => {
    await start(2, { ENABLE_AUTH: 'true', JWT_SECRET: SECRET });
    const token = await sign({ claims: { rooms: [roomId(1)] } });
    for (const room of [2, 3]) expect((await tries(room, 'viewer', { token })).end).toBe(4003);
    expect((await tries(4, 'viewer', { token })).end).toBe(4008);
  });

  test('a page that waits for its host comes back as often as it likes', async () => {
    await start(2);
    for (let count = 0; count < 20; count += 1) {
      const { peer, end } = await tries(1, 'viewer');
      expect(end).toBe('in');
      peer.socket.close();
    }
    expect((await tries(1, 'host')).end).toBe('in');
    expect((await tries(1, 'viewer')).end).toBe('in');
    expect(await limited()).toBe(0);
  });

  test('a host may make as many rooms as it likes, and come back to each', async () => {
    await start(1);
    for (let room = 0; room < 10; room += 1) {
      for (let count = 0; count < 2; count += 1) {
        const { peer, end } = await tries(room, 'host');
        expect(end).toBe('in');
        peer.send({ type: 'leave' });
        await peer.closed;
      }
    }
    expect(await limited()).toBe(0);
  });

  test('an office behind one address: who has a host gets in, whoever guesses beside them', async () => {
    await start(30);
    for (let room = 0; room < 50; room += 1) expect((await tries(room, 'host')).end).toBe('in');
    for (let room = 0; room < 50; room += 1) expect((await tries(room, 'viewer')).end).toBe('in');
    for (let room = 100; room < 130; room += 1) await tries(room, 'viewer');
    expect((await tries(200, 'viewer')).end).toBe(4008);
    // Rooms that the address was in before.
    for (let room = 0; room < 50; room += 1) expect((await tries(room, 'viewer')).end).toBe('in');
  });

  test('original: who makes room after room is slowed with 1013; a room that is known is not', async () => {
    await start(3);
    for (let room = 0; room < 3; room += 1) {
      await original(`room-${room}`);
      await until(() => ins() === room + 1);
    }
    const fourth = await original('room-3');
    expect(await fourth.closed).toEqual({ code: 1013, reason: 'Rate limited' });
    const second = await original('room-1');
    await until(() => ins() === 4);
    second.send({ type: 'offer', sdp: 'x' });
    expect(await peers[1]?.next('offer')).toEqual({ type: 'offer', sdp: 'x' });
    expect(await limited()).toBe(1);
    expect(
      await server.metric('signaling_joins_total{protocol="original",result="rate-limited"}'),
    ).toBe(1);
    // Who was refused is gone.
    expect(await server.metric('signaling_connections{protocol="original"}')).toBe(4);
    expect(await server.metric('signaling_connections_pending')).toBe(0);
  });

  test('original: what comes before the refusal is no message', async () => {
    await start(1);
    await original('room-1');
    await until(() => ins() === 1);
    const eager = new Peer(`${server.url}/?roomId=room-2`, []);
    peers.push(eager);
    eager.socket.once('open', () => eager.send({ type: 'offer', sdp: 'x' }));
    expect((await eager.closed).code).toBe(1013);
    expect(await server.metric('signaling_messages_received_total{type="offer"}')).toBe(0);
  });
});
