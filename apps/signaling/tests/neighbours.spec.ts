import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';

/* Clients that share a machine or a bound with others who mean no good. */

let server: TestService;
const peers: Peer[] = [];
afterEach(async () => {
  for (const { socket } of peers.splice(0)) socket.terminate();
  await server.close();
});

async function open(origin?: string, from = '127.0.0.1'): Promise<Peer> {
  const options = { localAddress: from, ...(origin === undefined ? {} : { origin }) };
  const peer = new Peer(server.url, ['peerdeck.v2'], options);
  peers.push(peer);
  await peer.opened;
  return peer;
}

test('a site in the browser of the machine starves neither the host agent nor the own page', async () => {
  server = await startService({
    RATE_LIMIT_CONN_PER_10S: '20',
    RATE_LIMIT_IP_MSGS_PER_10S: '20',
    MAX_CONNECTIONS_PER_IP: '20',
    RATE_LIMIT_GUESSES_PER_60S: '10',
  });
  const site = await open('https://evil.example');
  for (let count = 0; count < 100; count += 1) site.send({ type: 'ping', id: count });
  for (let count = 0; count < 30; count += 1) {
    const one = await open(`https://${count}.evil.example`);
    if (one.closeCode !== undefined) continue;
    one.send({ type: 'join', room: roomId(100 + count), role: 'viewer' });
  }
  expect(await server.metric('signaling_rate_limited_total{scope="connects"}')).toBeGreaterThan(0);
  expect(await server.metric('signaling_rate_limited_total{scope="ip"}')).toBeGreaterThan(0);
  const agent = await open();
  await agent.join(roomId(1), 'host');
  const page = await open(server.url.replace('ws', 'http'));
  await page.join(roomId(1), 'viewer');
  page.send({ type: 'control', action: 'through' });
  expect(await agent.next('control')).toMatchObject({ action: 'through' });
});

test('20 addresses that open and say nothing keep nobody out', async () => {
  server = await startService({ MAX_PENDING_CONNECTIONS: '100' });
  const silent = await Promise.all(
    Array.from({ length: 100 }, (_, count) => open(undefined, `127.0.0.${10 + (count % 20)}`)),
  );
  const host = await open();
  await host.join(roomId(1), 'host');
  const viewer = await open(undefined, '127.0.0.2');
  await viewer.join(roomId(1), 'viewer');
  await until(() => silent.filter(({ closeCode }) => closeCode === 1013).length === 1);
  const [pushed] = silent.filter(({ closeCode }) => closeCode === 1013);
  expect(pushed?.received.at(-1)).toMatchObject({
    code: 'unavailable',
    retryAfterMs: expect.any(Number) as number,
  });
  expect(await server.metric('signaling_rate_limited_total{scope="pending"}')).toBe(1);
});
