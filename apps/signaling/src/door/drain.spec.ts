import { drain, type DrainOptions } from './drain.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { systemRandom } from '../base/random.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';

let server: TestService;
afterEach(() => server.close());

test('a drain tells, spreads 1012, and nobody hears that another one left', async () => {
  server = await startService();
  const host = await server.v2();
  await host.join(roomId(1), 'host');
  const viewer = await server.v2();
  await viewer.join(roomId(1), 'viewer');
  const one = await server.original('r');
  const two = await server.original('r');
  await until(async () => (await server.metric('signaling_members{state="connected"}')) === 4);

  await server.service.drain();
  for (const peer of [host, viewer, one, two]) expect((await peer.closed).code).toBe(1012);
  for (const peer of [host, viewer]) {
    expect(peer.received.find(({ type }) => type === 'drain')).toMatchObject({
      retryAfterMs: expect.any(Number) as number,
    });
    expect(peer.types()).not.toContain('member-left');
    expect(peer.types()).not.toContain('member-detached');
  }
  expect([...one.received, ...two.received]).toEqual([]);
});

test('while it drains it is not ready and lets nobody in; who leaves by word has left', async () => {
  const clock = new ManualClock();
  server = await startService({}, { clock });
  const { healthPort } = server.service;
  const ready = () => fetch(`http://127.0.0.1:${healthPort}/readyz`);
  expect((await ready()).status).toBe(200);
  const host = await server.v2();
  await host.join(roomId(1), 'host');
  const viewer = await server.v2();
  await viewer.join(roomId(1), 'viewer');
  const drained = server.service.drain();
  await Promise.all([host.next('drain'), viewer.next('drain')]);
  const during = await ready();
  expect(during.status).toBe(503);
  expect(await during.json()).toMatchObject({ status: 'draining' });
  await expect(server.v2()).rejects.toThrow();
  viewer.send({ type: 'leave' });
  expect(await host.next('member-left')).toMatchObject({ reason: 'left' });
  clock.advance(1000);
  await drained;
  expect((await host.closed).code).toBe(1012);
});

test('whoever is told when to come back is closed at that very time, one by one', async () => {
  const clock = new ManualClock();
  const told: number[] = [];
  const closed: number[] = [];
  const live = Array.from({ length: 100 }, (_unused, index) => ({
    session: { drain: (ms: number) => void (told[index] = clock.now() + ms) },
    connection: { close: () => void (closed[index] = clock.now()), terminate: () => {} },
  }));
  const gateway = { live: () => live, sockets: new Set(), empty: () => new Promise(() => {}) };
  const options = { gateway, clock, deadlineMs: 5000, random: systemRandom };
  const drained = drain(options as unknown as DrainOptions);
  clock.advance(5000);
  await drained;
  expect(new Set(closed).size).toBe(100);
  for (const [index, at] of closed.entries()) {
    expect(Math.abs(at - (told[index] ?? 0))).toBeLessThanOrEqual(1);
  }
});

test('without a client it ends at once, and the deadline cuts off who does not answer', async () => {
  server = await startService({ DRAIN_MS: '600000' });
  await server.service.drain();
  server = await startService({ DRAIN_MS: '50' });
  const deaf = await server.v2();
  await deaf.next();
  deaf.socket.pause();
  await server.service.drain();
  deaf.socket.resume();
  expect([1006, 1012]).toContain((await deaf.closed).code);
});

test('closing is idempotent, also after a failed start', async () => {
  server = await startService();
  await Promise.all([server.close(), server.close()]);
  await server.close();
  await expect(fetch(`http://127.0.0.1:${server.service.healthPort}/healthz`)).rejects.toThrow();
  const taken = await startService();
  const port = String(taken.service.port);
  await expect(startService({ WS_PORT: port })).rejects.toThrow(
    `WS_PORT=${port}: the port is in use`,
  );
  await taken.close();
});
