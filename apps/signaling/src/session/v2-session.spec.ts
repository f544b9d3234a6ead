import { generateHostKey, signHostSlot, toBase64Url } from '@peerdeck/protocol';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import type { Peer } from '../testing/peer.ts';

const ROOM = roomId(1);
const offer = (sdp = 'v=0') => ({ type: 'offer', session: 's1', sdp });

let server: TestService;
beforeEach(async () => {
  server = await startService();
});
afterEach(() => server.close());

async function hostAndViewer(): Promise<{ host: Peer; viewer: Peer; viewerId: string }> {
  const host = await server.v2();
  await host.join(ROOM, 'host');
  const viewer = await server.v2();
  const { peerId } = await viewer.join(ROOM, 'viewer');
  await host.next('member-joined');
  return { host, viewer, viewerId: String(peerId) };
}

describe('joining', () => {
  test('hello comes first, with a challenge of its own for each connection', async () => {
    const one = await (await server.v2()).next();
    const two = await (await server.v2()).next();
    expect(one).toMatchObject({ type: 'hello', server: 'test/1' });
    expect(one['challenge']).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(one['challenge']).not.toBe(two['challenge']);
  });

  test('a welcome tells who is there, the limits and the ICE servers', async () => {
    await server.close();
    server = await startService({
      ICE_SERVERS: '[{"urls":"turn:turn.example.com","username":"u","credential":"c"}]',
      RATE_LIMIT_MESSAGES_PER_10S: '123',
      HEARTBEAT_INTERVAL_MS: '4321',
      DETACH_MS: '765',
    });
    const host = await server.v2();
    const { peerId } = await host.join(ROOM, 'host');
    const welcome = await (await server.v2()).join(ROOM, 'viewer');
    expect(welcome).toMatchObject({
      role: 'viewer',
      room: ROOM,
      members: [{ peerId, role: 'host', state: 'connected' }],
      iceServers: [{ urls: ['turn:turn.example.com'], username: 'u', credential: 'c' }],
      resumed: false,
      heartbeatMs: 4321,
      detachMs: 765,
      limits: { messageBytes: 262_144, messagesPer10s: 123, maxMembers: 17 },
    });
    expect(await host.next('member-joined')).toMatchObject({
      peerId: welcome['peerId'],
      role: 'viewer',
    });
  });

  test('a room full of viewers whom the host admitted: the next one is told so, with 4009', async () => {
    await server.close();
    server = await startService({ ROOM_MAX_MEMBERS: '2' });
    const { host, viewerId } = await hostAndViewer();
    host.send({ type: 'answer', to: viewerId, session: 's', sdp: 'v=0' });
    const late = await server.v2();
    late.send({ type: 'join', room: ROOM, role: 'viewer' });
    expect(await late.next('error')).toMatchObject({ code: 'room-full', fatal: true });
    expect((await late.closed).code).toBe(4009);
  });

  test('a second host without the key is refused with 4011 and disturbs nobody', async () => {
    const { host, viewer } = await hostAndViewer();
    const other = await server.v2();
    other.send({ type: 'join', room: ROOM, role: 'host' });
    expect(await other.next('error')).toMatchObject({ code: 'host-slot-taken', fatal: true });
    expect((await other.closed).code).toBe(4011);
    viewer.send(offer());
    expect(await host.next('offer')).toMatchObject({ sdp: 'v=0' });
  });

  test('a second join, and a message before the join, are refused; the connection stays', async () => {
    const peer = await server.v2();
    peer.send(offer());
    expect(await peer.next('error')).toMatchObject({ code: 'not-joined', fatal: false });
    await peer.join(ROOM, 'viewer');
    peer.send({ type: 'join', room: ROOM, role: 'viewer' });
    expect(await peer.next('error')).toMatchObject({ code: 'already-joined', fatal: false });
    await peer.settle();
  });

  test('a room of the original protocol is not one of v2, and the other way round', async () => {
    const old = await server.original(ROOM);
    await until(() => server.log.some((line) => line.includes('"joined"')));
    const peer = await server.v2();
    peer.send({ type: 'join', room: ROOM, role: 'host' });
    expect(await peer.next('error')).toMatchObject({ code: 'wrong-room-kind' });
    expect((await peer.closed).code).toBe(4017);
    expect(old.closeCode).toBeUndefined();
    await (await server.v2()).join(roomId(2), 'host');
    expect((await (await server.original(roomId(2))).closed).code).toBe(1008);
  });
});

describe('the host slot', () => {
  const key = generateHostKey();
  const claim = (challenge: unknown, by = key) => ({
    hostKey: toBase64Url(key.publicKey),
    hostSignature: signHostSlot(String(challenge), ROOM, by),
  });

  test('whoever signs with the same key takes it over; the old connection ends with 4010', async () => {
    const old = await server.v2();
    const { peerId: oldId } = await old.join(ROOM, 'host', claim((await old.next())['challenge']));
    const viewer = await server.v2();
    await viewer.join(ROOM, 'viewer');
    const young = await server.v2();
    const welcome = await young.join(ROOM, 'host', claim((await young.next())['challenge']));
    expect(welcome).toMatchObject({ resumed: false });
    expect(welcome['peerId']).not.toBe(oldId);
    expect(await old.next('error')).toMatchObject({ code: 'replaced', fatal: true });
    expect((await old.closed).code).toBe(4010);
    expect(await viewer.next()).toMatchObject({
      type: 'member-left',
      peerId: oldId,
      reason: 'replaced',
    });
    expect(await viewer.next()).toMatchObject({ type: 'member-joined', role: 'host' });
    viewer.send(offer());
    expect(await young.next('offer')).toMatchObject({ sdp: 'v=0' });
  });

  test.each([
    ['another key', (c: unknown) => claim(c, generateHostKey())],
    ['an old challenge', () => claim('AAAAAAAAAAAAAAAAAAAAAA')],
    ['no signature', () => ({ hostKey: toBase64Url(key.publicKey) })],
    ['no key', () => ({})],
  ])('a join signed with %s takes nothing', async (_name, make) => {
    const host = await server.v2();
    await host.join(ROOM, 'host', claim((await host.next())['challenge']));
    const thief = await server.v2();
    thief.send({
      type: 'join',
      room: ROOM,
      role: 'host',
      ...make((await thief.next())['challenge']),
    });
    expect(await thief.next('error')).toMatchObject({ code: 'host-slot-taken' });
    expect((await thief.closed).code).toBe(4011);
    await host.settle();
  });

  test('stays bound to the key while the room is empty', async () => {
    const host = await server.v2();
    await host.join(ROOM, 'host', claim((await host.next())['challenge']));
    host.send({ type: 'leave' });
    await host.closed;
    const thief = await server.v2();
    thief.send({ type: 'join', room: ROOM, role: 'host' });
    expect(await thief.next('error')).toMatchObject({ code: 'host-slot-taken' });
    const owner = await server.v2();
    await owner.join(ROOM, 'host', claim((await owner.next())['challenge']));
  });
});

describe('relaying', () => {
  test('a viewer speaks to the host, a host to the viewer it names; `from` is the server’s', async () => {
    const { host, viewer, viewerId } = await hostAndViewer();
    viewer.send({ ...offer(), from: 'forged', extra: 1 });
    const got = await host.next('offer');
    expect(got).toEqual({ ...offer(), from: viewerId });
    host.send({ type: 'answer', session: 's1', sdp: 'v=1', to: viewerId });
    expect(await viewer.next('answer')).toMatchObject({ sdp: 'v=1' });
  });

  test('a host with one viewer need not name it; with two it must; metrics go to both', async () => {
    const { host, viewer } = await hostAndViewer();
    host.send({ type: 'control', action: 'hi' });
    expect(await viewer.next('control')).toMatchObject({ action: 'hi' });
    const second = await server.v2();
    await second.join(ROOM, 'viewer');
    host.send({ type: 'control', action: 'hi' });
    expect(await host.next('error')).toMatchObject({ code: 'to-required', field: 'to' });
    const metrics = { queueDepth: 1, overwriteDrops: 0, backpressureSkips: 0, outOfOrder: 0 };
    host.send({ type: 'video-metrics', ...metrics });
    expect(await viewer.next('video-metrics')).toMatchObject(metrics);
    expect(await second.next('video-metrics')).toMatchObject(metrics);
  });

  test('a viewer without a host is told so, and so is one that names somebody else', async () => {
    const viewer = await server.v2();
    await viewer.join(ROOM, 'viewer');
    viewer.send(offer());
    expect(await viewer.next('error')).toMatchObject({ code: 'no-host', fatal: false });
    viewer.send({ ...offer(), to: 'nobody' });
    expect(await viewer.next('error')).toMatchObject({ code: 'unknown-peer', field: 'to' });
    viewer.send({ type: 'reject', session: 's1', code: 'x', message: '' });
    expect(await viewer.next('error')).toMatchObject({ code: 'not-allowed' });
  });
});

describe('presence', () => {
  test('leave is told at once', async () => {
    const { host, viewer, viewerId } = await hostAndViewer();
    viewer.send({ type: 'leave', reason: 'done' });
    expect(await host.next('member-left')).toMatchObject({ peerId: viewerId, reason: 'left' });
    expect((await viewer.closed).code).toBe(1000);
  });

  test.each([1000, 1001, undefined])('a clean close (%s) is a leave', async (code) => {
    const { host, viewer } = await hostAndViewer();
    viewer.socket.close(code);
    expect(await host.next('member-left')).toMatchObject({ reason: 'left' });
    expect(host.types()).not.toContain('member-detached');
  });

  test('a lost member is detached, and lost when the grace is over', async () => {
    await server.close();
    server = await startService({ DETACH_MS: '60' });
    const { host, viewer, viewerId } = await hostAndViewer();
    viewer.socket.terminate();
    expect(await host.next('member-detached')).toEqual({
      type: 'member-detached',
      peerId: viewerId,
      role: 'viewer',
      graceMs: 60,
    });
    expect(await host.next('member-left')).toMatchObject({ peerId: viewerId, reason: 'lost' });
  });

  test('while the host is away a viewer is told so, and its place is kept', async () => {
    const { host, viewer } = await hostAndViewer();
    host.socket.terminate();
    await viewer.next('member-detached');
    viewer.send(offer());
    expect(await viewer.next('error')).toMatchObject({ code: 'no-host' });
  });

  test('resume brings the member back under its id, and the others hear it', async () => {
    const host = await server.v2();
    await host.join(ROOM, 'host');
    const viewer = await server.v2();
    const { peerId, resume } = await viewer.join(ROOM, 'viewer');
    viewer.socket.terminate();
    await host.next('member-detached');
    const back = await server.v2();
    const welcome = await back.join(ROOM, 'viewer', { resume });
    expect(welcome).toMatchObject({ peerId, resumed: true });
    expect(await host.next('member-resumed')).toMatchObject({ peerId });
    host.send({ type: 'control', action: 'hi', to: peerId });
    expect(await back.next('control')).toMatchObject({ action: 'hi' });
  });

  test('resume beside a connection that still lives closes that one with 4010', async () => {
    const { host, viewer, viewerId } = await hostAndViewer();
    const resume = viewer.received.find(({ type }) => type === 'welcome')?.['resume'];
    const young = await server.v2();
    expect(await young.join(ROOM, 'viewer', { resume })).toMatchObject({ peerId: viewerId });
    expect((await viewer.closed).code).toBe(4010);
    await host.next('member-resumed');
    await host.settle();
    expect(host.types()).not.toContain('member-left');
  });

  test('a resume token of somebody who has left, of another role or of nobody starts afresh', async () => {
    const { host, viewer, viewerId } = await hostAndViewer();
    const resume = viewer.received.find(({ type }) => type === 'welcome')?.['resume'];
    viewer.send({ type: 'leave' });
    await host.next('member-left');
    for (const token of [resume, 'made-up', '']) {
      const peer = await server.v2();
      const welcome = await peer.join(ROOM, 'viewer', { resume: token });
      expect(welcome['resumed']).toBe(false);
      expect(welcome['peerId']).not.toBe(viewerId);
    }
    const hostToken = host.received.find(({ type }) => type === 'welcome')?.['resume'];
    const peer = await server.v2();
    expect(await peer.join(ROOM, 'viewer', { resume: hostToken })).toMatchObject({
      resumed: false,
      role: 'viewer',
    });
    expect(host.closeCode).toBeUndefined();
  });

  test('a host without a key that was lost may come back without its token', async () => {
    const { host, viewer } = await hostAndViewer();
    host.socket.terminate();
    await viewer.next('member-detached');
    const again = await server.v2();
    await again.join(ROOM, 'host');
    expect(await viewer.next('member-left')).toMatchObject({ reason: 'replaced' });
    expect(await viewer.next('member-joined')).toMatchObject({ role: 'host' });
  });
});
