import { connect } from 'node:net';
import { Heartbeat } from '../socket/heartbeat.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Peer } from '../testing/peer.ts';

let server: TestService;
afterEach(() => server.close());
const control = (action = 'x') => ({ type: 'control', action });

async function joined(role: 'host' | 'viewer'): Promise<Peer> {
  const peer = await server.v2();
  await peer.join(roomId(1), role);
  return peer;
}

describe('rates', () => {
  test('400 candidates in a row all arrive, in order, and their sender hears why they wait', async () => {
    const clock = new ManualClock();
    server = await startService({ RATE_LIMIT_MESSAGES_PER_10S: '200' }, { clock });
    const host = await joined('host');
    const viewer = await joined('viewer');
    const sent = Array.from({ length: 400 }, (_unused, count) => `c${count}`);
    for (const candidate of sent) viewer.send({ type: 'candidate', session: 's', candidate });
    const heard = () =>
      host.received.filter(({ type }) => type === 'candidate').map(({ candidate }) => candidate);
    expect(await viewer.next('error')).toMatchObject({
      code: 'rate-limited',
      message: 'too many messages of this connection: they wait',
      retryAfterMs: 50,
      fatal: false,
    });
    await until(() => heard().length >= 199);
    expect(heard().length).toBeLessThanOrEqual(200);
    await until(() => {
      clock.advance(50);
      return heard().length === 400;
    });
    expect(heard()).toEqual(sent);
    expect(viewer.types().filter((type) => type === 'error')).toHaveLength(1);
    expect(viewer.closeCode).toBeUndefined();
  });

  test('who is over its own limit for half a minute is closed with 4008; a host is not', async () => {
    const clock = new ManualClock();
    server = await startService({ RATE_LIMIT_MESSAGES_PER_10S: '6' }, { clock });
    const host = await joined('host');
    const viewer = await joined('viewer');
    viewer.send({ type: 'offer', session: 's', sdp: 'v=0' });
    for (let count = 0; count < 60; count += 1) viewer.send(control());
    for (let count = 0; count < 600; count += 1) host.send({ ...control(), to: 'somebody' });
    await until(() => {
      clock.advance(400);
      return viewer.closeCode !== undefined;
    });
    expect(viewer.closeCode).toBe(4008);
    expect(viewer.received.at(-1)).toMatchObject({ code: 'rate-limited', fatal: true });
    expect(await host.next('member-detached')).toBeDefined();
    clock.advance(20_000);
    host.send({ type: 'ping', id: 7 });
    await until(() => {
      clock.advance(400);
      return host.types().includes('pong');
    });
    expect(host.closeCode).toBeUndefined();
    const counted = 'signaling_rate_limited_total{scope="connection"}';
    expect(await server.metric(counted)).toBeGreaterThan(20);
  });

  test.each([
    ['RATE_LIMIT_IP_MSGS_PER_10S', 'ip'],
    ['RATE_LIMIT_ROOM_MSGS_PER_10S', 'room'],
  ])('%s: a typed error with a hint; going on closes with 4008', async (variable, scope) => {
    server = await startService({ [variable]: '6' });
    const host = await joined('host');
    const viewer = await joined('viewer');
    for (let count = 0; count < 7; count += 1) viewer.send(control());
    expect(await viewer.next('error')).toMatchObject({
      code: 'rate-limited',
      message: `too many messages of this ${scope}`,
      retryAfterMs: expect.any(Number) as number,
      fatal: false,
    });
    for (let count = 0; count < 100; count += 1) viewer.send(control());
    expect((await viewer.closed).code).toBe(4008);
    expect(viewer.received.at(-1)).toMatchObject({ code: 'rate-limited', fatal: true });
    // The place is kept, as for anybody who may come back.
    expect(await host.next('member-detached')).toBeDefined();
    const counted = `signaling_rate_limited_total{scope="${scope}"}`;
    expect(await server.metric(counted)).toBeGreaterThan(0);
  });

  test('one flooding room does not slow another one down', async () => {
    server = await startService({ RATE_LIMIT_ROOM_MSGS_PER_10S: '5' });
    await joined('host');
    const flood = await joined('viewer');
    for (let count = 0; count < 40; count += 1) flood.send(control());
    const host = await server.v2();
    await host.join(roomId(2), 'host');
    const viewer = await server.v2();
    await viewer.join(roomId(2), 'viewer');
    viewer.send(control('through'));
    expect(await host.next('control')).toMatchObject({ action: 'through' });
  });
});

describe('sockets', () => {
  test('without a join in time end with 4014', async () => {
    server = await startService({ HANDSHAKE_TIMEOUT_MS: '150' });
    const idle = await server.v2();
    expect(await idle.next('error')).toMatchObject({ code: 'join-timeout', fatal: true });
    expect((await idle.closed).code).toBe(4014);
    const peer = await server.v2();
    await peer.join(roomId(1), 'host');
    // One that came later is over: the time of the first would be, too.
    expect((await (await server.v2()).closed).code).toBe(4014);
    await peer.settle();
  });

  test('that have not joined, and all sockets, are bounded: 1013 with a hint', async () => {
    server = await startService({ MAX_PENDING_CONNECTIONS: '2', MAX_CONNECTIONS: '4' });
    const refused = async () => {
      const peer = await server.v2();
      expect(await peer.next('error')).toMatchObject({ code: 'unavailable', fatal: true });
      expect((await peer.closed).code).toBe(1013);
    };
    const one = await server.v2();
    const two = await server.v2();
    await refused();
    await one.join(roomId(1), 'host');
    const three = await server.v2();
    await refused();
    await two.join(roomId(1), 'viewer');
    await three.join(roomId(1), 'viewer');
    await (await server.v2()).join(roomId(1), 'viewer');
    await refused();
    one.send({ type: 'leave' });
    await one.closed;
    await until(() => server.log.filter((line) => line.includes('"closed"')).length === 1);
    await (await server.v2()).join(roomId(2), 'host');
  });

  test('headers that drip are cut off', async () => {
    server = await startService({ HANDSHAKE_TIMEOUT_MS: '200' });
    for (const first of ['', 'GET / HTTP/1.1\r\nHost: x\r\n']) {
      const socket = connect(server.service.port, '127.0.0.1');
      socket.on('error', () => {});
      if (first !== '') socket.write(first);
      const drip = setInterval(() => socket.write(first === '' ? '' : 'X: y\r\n'), 20);
      await new Promise((resolve) => socket.once('close', resolve).resume());
      clearInterval(drip);
    }
  });

  test('a receiver that does not read is closed as too slow, and its sender goes on', async () => {
    server = await startService({ BACKPRESSURE_CLOSE_THRESHOLD_BYTES: '65536' });
    const host = await joined('host');
    const viewer = await joined('viewer');
    viewer.socket.pause();
    const big = { type: 'offer', session: 's', sdp: 'x'.repeat(60_000) };
    let closed = false;
    await until(() => {
      host.send(big);
      closed = server.log.some((line) => line.includes('"code":4015'));
      return closed;
    });
    await host.settle();
    expect(host.types()).toContain('member-detached');
    viewer.socket.terminate();
  });
});

describe('heartbeat', () => {
  test('a peer that is silent is cut, its member detached; one that answers stays', async () => {
    server = await startService({ HEARTBEAT_INTERVAL_MS: '200', HEARTBEAT_TIMEOUT_MS: '1000' });
    const host = await joined('host');
    // Half-open: the connection stands, and nobody answers.
    const dead = await Peer.open(server.url, ['peerdeck.v2'], { autoPong: false });
    await dead.join(roomId(1), 'viewer');
    expect(await host.next('member-detached')).toMatchObject({ role: 'viewer' });
    expect((await dead.closed).code).toBe(1006);
    expect(server.log.some((line) => line.includes('"code":4012'))).toBe(true);
    await host.settle();
  });

  test('ping is answered with its id', async () => {
    server = await startService();
    const peer = await joined('host');
    peer.send({ type: 'ping', id: 42 });
    expect(await peer.next('pong')).toEqual({ type: 'pong', id: 42 });
  });

  test('pings are spread, the dead are ended once, and a stall of this process kills nobody', () => {
    const clock = new ManualClock();
    const heartbeat = new Heartbeat({ clock, intervalMs: 1000, timeoutMs: 2500 });
    const peer = (answers: boolean) => {
      const connection = {
        lastSeen: clock.now(),
        pings: 0,
        ended: 0,
        ping: () => {
          connection.pings += 1;
          if (answers) connection.lastSeen = clock.now();
        },
        terminate: () => {
          connection.ended += 1;
        },
      };
      heartbeat.add(connection);
      return connection;
    };
    const alive = peer(true);
    const dead = peer(false);
    for (let count = 0; count < 50; count += 1) clock.advance(100);
    expect(alive).toMatchObject({ pings: 5, ended: 0 });
    expect(dead).toMatchObject({ pings: 2, ended: 1 });
    // As after a stopped process: time has passed, and what was sent meanwhile is unread.
    const late = new ManualClock();
    const stalled = new Heartbeat({ clock: late, intervalMs: 1000, timeoutMs: 2500 });
    const waiting = { lastSeen: late.now(), ping: () => {}, terminate: () => (ended += 1) };
    let ended = 0;
    stalled.add(waiting);
    late.jump(60_000);
    late.advance(100);
    expect(ended).toBe(0);
    for (let count = 0; count < 50; count += 1) late.advance(100);
    expect(ended).toBe(1);
    heartbeat.close();
    stalled.close();
    expect(clock.pending + late.pending).toBe(0);
  });
});
