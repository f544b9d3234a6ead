import { connect } from 'node:net';
import { MemoryBus } from '../src/bus/memory.ts';
import { systemClock } from '../src/base/clock.ts';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';
import { SlowBus } from '../src/testing/slow-bus.ts';

/*
 * What goes wrong in signaling servers: each of these was seen in one.
 */

let server: TestService;
afterEach(() => server.close());

const slowBus = () =>
  new SlowBus(
    new MemoryBus({
      nodeId: 'test',
      clock: systemClock,
      limits: { originalCapacity: 2, maxMembers: 17 },
      detachMs: 10_000,
      emptyRoomMs: 1000,
      maxEmptyRooms: 100,
    }),
  );
const control = (action: number | string) => ({ type: 'control', action: String(action) });

describe('a broken frame on a refused socket', () => {
  test('does not end the process, whatever the refusal', async () => {
    server = await startService({ ALLOWED_ORIGINS: 'https://play.example.com' });
    const handshake = (path: string, origin?: string) =>
      [
        `GET ${path} HTTP/1.1`,
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...(origin === undefined ? [] : [`Origin: ${origin}`]),
        '\r\n',
      ].join('\r\n');
    const attempts = [handshake('/?roomId='), handshake('/?roomId=a', 'https://evil.example')];
    for (const text of attempts) {
      // Reserved bits and an opcode that is none, in the same packet as the handshake.
      const socket = connect(server.service.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xff, 0xff, 0xff])]));
      await new Promise((resolve) => socket.on('data', resolve).once('close', resolve));
      await new Promise((resolve) => socket.once('close', resolve).resume());
    }
    const peer = await server.v2();
    expect(await peer.next()).toMatchObject({ type: 'hello' });
  });
});

describe('messages sent before the join is done', () => {
  test('1000 of 1000 offers sent in onopen arrive', async () => {
    server = await startService({ MAX_CONNECTIONS: '5000' });
    let arrived = 0;
    for (let base = 0; base < 1000; base += 50) {
      const batch = Array.from({ length: 50 }, async (_unused, index) => {
        const room = `room-${base + index}`;
        const receiver = new Peer(`${server.url}/?roomId=${room}`, []);
        await receiver.opened;
        const sender = new Peer(`${server.url}/?roomId=${room}`, []);
        sender.socket.once('open', () => sender.send({ type: 'offer', sdp: room }));
        expect(await receiver.next()).toEqual({ type: 'offer', sdp: room });
        arrived += 1;
        sender.socket.terminate();
        receiver.socket.terminate();
      });
      await Promise.all(batch);
    }
    expect(arrived).toBe(1000);
  });

  test('v2: join, offer and candidates in one burst arrive in order, however slow the join', async () => {
    const bus = slowBus();
    bus.holding = false;
    server = await startService({}, { bus });
    const host = await server.v2();
    await host.join(roomId(1), 'host');
    bus.holding = true;
    const viewer = new Peer(server.url, ['peerdeck.v2']);
    viewer.socket.once('open', () => {
      viewer.send({ type: 'join', room: roomId(1), role: 'viewer' });
      for (let count = 0; count < 500; count += 1) viewer.send(control(count));
    });
    await until(() => bus.held === 1);
    const peerId = (await host.next('member-joined'))['peerId'];
    // What is sent to the member before it was welcomed comes after the welcome.
    host.send({ ...control('early'), to: peerId });
    await host.settle();
    bus.release();
    const actions: unknown[] = [];
    while (actions.length < 500) actions.push((await host.next('control'))['action']);
    expect(actions).toEqual(Array.from({ length: 500 }, (_unused, count) => String(count)));
    expect(await viewer.next()).toMatchObject({ type: 'hello' });
    expect(await viewer.next()).toMatchObject({ type: 'welcome' });
    expect(await viewer.next()).toMatchObject(control('early'));
  });

  test('v2: a member to be is sent a bounded amount before its welcome', async () => {
    const bus = slowBus();
    bus.holding = false;
    server = await startService({}, { bus });
    const host = await server.v2();
    await host.join(roomId(1), 'host');
    bus.holding = true;
    const viewer = await server.v2();
    viewer.send({ type: 'join', room: roomId(1), role: 'viewer' });
    await until(() => bus.held === 1);
    const to = (await host.next('member-joined'))['peerId'];
    const answer = { type: 'answer', session: 's', sdp: 'x'.repeat(60_000), to };
    for (let count = 0; count < 17; count += 1) host.send(answer);
    await host.settle();
    expect(host.types()).not.toContain('error');
    host.send(answer);
    // It is the sender who hears of it: the member has done nothing.
    expect(await host.next('error')).toMatchObject({ code: 'rate-limited', fatal: false });
    bus.release();
    expect(await viewer.next('welcome')).toMatchObject({ role: 'viewer' });
    for (let count = 0; count < 17; count += 1) await viewer.next('answer');
    host.send({ type: 'control', action: 'after', to });
    expect(await viewer.next()).toMatchObject({ type: 'control' });
    expect(viewer.closeCode).toBeUndefined();
  });

  test('original: 2000 messages from the first on, in order, however slow the join', async () => {
    const bus = slowBus();
    server = await startService({}, { bus });
    const receiver = await server.original('r');
    await until(() => bus.held === 1);
    const sender = new Peer(`${server.url}/?roomId=r`, []);
    sender.socket.once('open', () => {
      for (let count = 0; count < 2000; count += 1) sender.send(control(count));
    });
    await until(() => bus.held === 2);
    bus.release();
    await until(() => receiver.received.length === 2000);
    expect(receiver.received).toEqual(
      Array.from({ length: 2000 }, (_unused, count) => control(count)),
    );
  });
});

describe('ghosts', () => {
  test('1000 sockets that close while they join leave nothing behind', async () => {
    const bus = slowBus();
    server = await startService({ MAX_PENDING_CONNECTIONS: '5000' }, { bus });
    for (let base = 0; base < 1000; base += 100) {
      const peers = Array.from({ length: 100 }, (_unused, index) => {
        const number = base + index;
        if (number % 2 === 0) return new Peer(`${server.url}/?roomId=r${number}`, []);
        const peer = new Peer(server.url, ['peerdeck.v2']);
        const join = { type: 'join', room: roomId(number), role: 'viewer' };
        peer.socket.once('open', () => peer.send(join));
        return peer;
      });
      await Promise.all(peers.map((peer) => peer.opened));
      await until(() => bus.held === 100);
      for (const [index, peer] of peers.entries()) {
        if (index % 3 === 0) peer.socket.terminate();
        else peer.socket.close(1000);
      }
      await until(
        () => server.log.filter((line) => line.includes('"closed"')).length === base + 100,
      );
      bus.release();
    }
    const left = () => {
      const { rooms, members } = bus.counts();
      return [rooms.original, members.connected];
    };
    await until(() => left().every((count) => count === 0));
    expect(await server.metric('signaling_connections{protocol="v2"}')).toBe(0);
    expect(await server.metric('signaling_connections{protocol="original"}')).toBe(0);
    expect(await server.metric('signaling_connections_pending')).toBe(0);
  });

  test('1000 quick connects and closes into the same room never fill it', async () => {
    server = await startService();
    for (let base = 0; base < 1000; base += 50) {
      const peers = Array.from({ length: 50 }, () => new Peer(`${server.url}/?roomId=busy`, []));
      for (const peer of peers) peer.socket.once('open', () => peer.socket.terminate());
      await Promise.all(peers.map((peer) => peer.closed));
    }
    await until(async () => (await server.metric('signaling_members{state="connected"}')) === 0);
    const one = await server.original('busy');
    const two = await server.original('busy');
    two.send(control('works'));
    expect(await one.next('control')).toEqual(control('works'));
  });
});

describe('an origin that is not allowed', () => {
  test.each([
    ['another scheme', 'http://play.example.com'],
    ['another port', 'https://play.example.com:8443'],
    ['another host', 'https://evil.example'],
    ['a host that ends like it', 'https://xplay.example.com'],
    ['a host that begins like it', 'https://play.example.com.evil.example'],
    ['no host', 'null'],
  ])('%s: refused with 1008, takes no place and can send nothing', async (_name, origin) => {
    server = await startService({ ALLOWED_ORIGINS: 'https://play.example.com' });
    const member = await Peer.open(`${server.url}/?roomId=r`, [], {
      origin: 'https://play.example.com',
    });
    const forged = new Peer(`${server.url}/?roomId=r`, [], { origin });
    forged.socket.once('open', () => forged.send(control('injected')));
    expect(await forged.closed).toEqual({ code: 1008, reason: 'Origin not allowed' });
    const second = await server.original('r');
    second.send(control('real'));
    expect(await member.next()).toEqual(control('real'));
    const counted = await server.metric('signaling_connections_rejected_total{reason="origin"}');
    expect(counted).toBe(1);
  });
});

describe('gauges', () => {
  test('fall when members leave and rooms end; local messages are counted', async () => {
    server = await startService();
    const host = await server.v2();
    await host.join(roomId(1), 'host');
    const viewer = await server.v2();
    const { resume } = await viewer.join(roomId(1), 'viewer');
    viewer.send({ type: 'offer', session: 's', sdp: 'x' });
    await host.next('offer');
    const old = await server.original('r');
    old.send(control('x'));
    await until(async () => (await server.metric('signaling_rooms{kind="original"}')) === 1);
    expect(await server.metric('signaling_rooms{kind="v2"}')).toBe(1);
    expect(await server.metric('signaling_members{state="connected"}')).toBe(3);
    const relayed = 'signaling_messages_relayed_total{type="offer",path="local"}';
    expect(await server.metric(relayed)).toBe(1);
    viewer.socket.terminate();
    await host.next('member-detached');
    expect(await server.metric('signaling_members{state="detached"}')).toBe(1);
    const again = await server.v2();
    await again.join(roomId(1), 'viewer', { resume });
    expect(await server.metric('signaling_members{state="detached"}')).toBe(0);
    again.send({ type: 'leave' });
    await again.closed;
    host.send({ type: 'leave' });
    await host.closed;
    old.socket.close();
    await old.closed;
    const gauges = [
      'signaling_rooms{kind="v2"}',
      'signaling_rooms{kind="original"}',
      'signaling_members{state="connected"}',
      'signaling_members{state="detached"}',
      'signaling_connections{protocol="v2"}',
      'signaling_connections{protocol="original"}',
    ];
    await until(async () => {
      const values = await Promise.all(gauges.map((gauge) => server.metric(gauge)));
      return values.every((value) => value === 0);
    });
  });
});

describe('forwarding headers', () => {
  test('are believed from a trusted proxy only', async () => {
    const headers = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https' };
    server = await startService({ RATE_LIMIT_CONN_PER_10S: '2' });
    const open = () => Peer.open(`${server.url}/`, ['peerdeck.v2'], { headers });
    await open();
    await Peer.open(`${server.url}/`, ['peerdeck.v2'], {
      headers: { 'X-Forwarded-For': '1.1.1.1' },
    });
    const third = await open();
    expect(await third.next()).toMatchObject({ type: 'error', code: 'rate-limited', fatal: true });
    expect((await third.closed).code).toBe(4008);
    await server.close();

    server = await startService({
      RATE_LIMIT_CONN_PER_10S: '1',
      TRUSTED_PROXIES: '127.0.0.0/8',
      REQUIRE_WSS: 'true',
    });
    const behind = (address: string, proto: string) =>
      Peer.open(`${server.url}/`, ['peerdeck.v2'], {
        headers: { 'X-Forwarded-For': `9.9.9.9, ${address}`, 'X-Forwarded-Proto': proto },
      });
    expect(await (await behind('203.0.113.1', 'https')).next()).toMatchObject({ type: 'hello' });
    expect(await (await behind('203.0.113.2', 'https')).next()).toMatchObject({ type: 'hello' });
    expect((await (await behind('203.0.113.2', 'https')).closed).code).toBe(4008);
    expect((await (await behind('203.0.113.3', 'http')).closed).code).toBe(1008);
  });
});
