import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import type { Peer } from '../testing/peer.ts';
import { OPCODE, RawClient, rawFrame } from '../testing/raw-client.ts';
import { KeyedLimiter } from './limiter.ts';
import { NeighbourLimiter } from './neighbour-limiter.ts';
import { TrafficLimiter } from './traffic-limiter.ts';

/* What counts is bytes as well as messages, and what others send ends nobody. */

let server: TestService | undefined;
afterEach(() => server?.close());

async function start(env: Record<string, string> = {}): Promise<TestService> {
  server = await startService(env);
  return server;
}

async function joined(at: TestService, role: 'host' | 'viewer'): Promise<Peer> {
  const peer = await at.v2();
  await peer.join(roomId(1), role);
  return peer;
}

const padded = (bytes: number) => {
  const text = JSON.stringify({ type: 'candidate', session: 's', candidate: '' });
  return `{${' '.repeat(bytes - text.length)}${text.slice(1)}`;
};

test.each([
  ['RATE_LIMIT_BYTES_PER_10S', 'connection'],
  ['RATE_LIMIT_IP_BYTES_PER_10S', 'ip'],
  ['RATE_LIMIT_ROOM_BYTES_PER_10S', 'room'],
])('%s: few large messages are too many as well', async (variable, scope) => {
  const at = await start({ [variable]: '300000' });
  await joined(at, 'host');
  const viewer = await joined(at, 'viewer');
  viewer.send(padded(200_000));
  viewer.send({ type: 'ping', id: 1 });
  expect(await viewer.next()).toMatchObject({ type: 'pong' });
  viewer.send(padded(200_000));
  expect(await viewer.next('error')).toMatchObject({
    code: 'rate-limited',
    message: expect.stringContaining(`too many messages of this ${scope}`) as string,
    fatal: false,
  });
});

test('a candidate that is padded to 256 KiB reaches the host as it would without', async () => {
  const at = await start();
  const host = await joined(at, 'host');
  const viewer = await joined(at, 'viewer');
  viewer.send(padded(250_000));
  await host.next('candidate');
  expect(host.texts.at(-1)?.length).toBeLessThan(200);
});

test('a viewer that floods a host behind a slow line gets no room closed: it is told to wait', async () => {
  const at = await start({ BACKPRESSURE_CLOSE_THRESHOLD_BYTES: '65536' });
  const host = await joined(at, 'host');
  const viewer = await joined(at, 'viewer');
  host.socket.pause();
  const big = { type: 'offer', session: 's', sdp: 'x'.repeat(20_000) };
  let refused = 0;
  viewer.socket.on('message', (data: Buffer) => {
    if (data.toString().includes('"rate-limited"')) refused += 1;
  });
  await until(() => {
    viewer.send(big);
    return refused > 0;
  });
  // It can't know how fast its host reads: however often it tries, nothing counts against it.
  for (let count = 0; count < 150; count += 1) viewer.send(big);
  const dropped = 'signaling_rate_limited_total{scope="receiver"}';
  await until(async () => (await at.metric(dropped)) >= 150);
  await viewer.settle();
  expect(viewer.closeCode).toBeUndefined();
  const hint = viewer.received.find(({ code }) => code === 'rate-limited');
  expect(hint).toMatchObject({ fatal: false, retryAfterMs: expect.any(Number) as number });
  const heard = host.received.length;
  host.socket.resume();
  await until(() => host.received.length > heard);
  viewer.send({ type: 'control', action: 'after' });
  expect(await host.next('control')).toMatchObject({ action: 'after' });
  expect(host.closeCode).toBeUndefined();
  expect(await at.metric('signaling_closes_total{code="4015",by="server"}')).toBe(0);
});

test('a message that is too large is answered with why', async () => {
  const at = await start({ MESSAGE_MAX_BYTES: '2048' });
  for (const [frames, what] of [
    [[rawFrame({ opcode: OPCODE.text, payload: 'x'.repeat(2049) })], 'whole'],
    [
      [
        rawFrame({ opcode: OPCODE.text, payload: 'x'.repeat(1500), fin: false }),
        rawFrame({ opcode: OPCODE.more, payload: 'x'.repeat(1500) }),
      ],
      'in parts',
    ],
    [[rawFrame({ opcode: OPCODE.text, length: 1_000_000 })], 'announced'],
  ] as const) {
    const client = await RawClient.v2(at.service.port);
    for (const frame of frames) client.write(frame);
    const end = await client.closeFrame();
    expect([what, end]).toEqual([
      what,
      { code: 1009, reason: 'A message of more than 2048 bytes' },
    ]);
    client.destroy();
  }
});

describe('addresses that share an owner', () => {
  const per10s = (limit: number) => ({ limit, periodMs: 10_000, maxKeys: 100 });
  const limiter = new NeighbourLimiter({
    own: new KeyedLimiter(per10s(2)),
    wide: new KeyedLimiter(per10s(5)),
  });

  test('a /48 of IPv6 gets the limit of a /64 not 65,536 times', () => {
    const waits = Array.from({ length: 8 }, (_, net) => limiter.take(`2001:db8:1:${net}`, 0));
    expect(waits.map((wait) => wait > 0)).toEqual([...Array(5).fill(false), true, true, true]);
    expect(limiter.check('2001:db8:1:ffff', 0)).toBeGreaterThan(0);
    expect(limiter.take('2001:db8:2:0', 0)).toBe(0);
  });

  test('each address of IPv4 stands for itself', () => {
    for (let last = 0; last < 20; last += 1) expect(limiter.take(`192.0.2.${last}`, 0)).toBe(0);
  });
});

test('messages and bytes are counted together, or not at all', () => {
  const rate = (limit: number) => ({ limit, periodMs: 10_000, maxKeys: 100 });
  const limiter = new TrafficLimiter({
    messages: new KeyedLimiter(rate(3)),
    bytes: new KeyedLimiter(rate(1000)),
  });
  expect(limiter.take('a', 0, 900)).toBe(0);
  expect(limiter.take('a', 0, 200)).toBeCloseTo(1000);
  expect(limiter.take('a', 0, 50)).toBe(0);
  expect(limiter.take('a', 0, 50)).toBe(0);
  // The refused one was not counted as a message either; now three were.
  expect(limiter.take('a', 0, 0)).toBeGreaterThan(0);
  // Larger than the limit itself: it costs all of it, and is not refused for ever.
  expect(limiter.take('b', 0, 5000)).toBe(0);
  expect(limiter.take('b', 9999, 5000)).toBeGreaterThan(0);
  expect(limiter.take('b', 10_000, 5000)).toBe(0);
});
