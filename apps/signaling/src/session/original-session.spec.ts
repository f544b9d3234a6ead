import { startService, until, type TestService } from '../testing/harness.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Peer } from '../testing/peer.ts';

let server: TestService;
beforeEach(async () => {
  server = await startService();
});
afterEach(() => server.close());

const joins = () => server.log.filter((line) => line.includes('"joined"')).length;

async function pair(room = 'room-1'): Promise<[Peer, Peer]> {
  const before = joins();
  const one = await server.original(room);
  const two = await server.original(room);
  await until(() => joins() === before + 2);
  return [one, two];
}

test('every message of the original protocol reaches the other member as it was written', async () => {
  const [one, two] = await pair();
  const texts = [
    '{"type":"offer","sdp":"v=0\\r\\n"}',
    '{ "type": "answer", "sdp": "v=0", "extra": {"kept": true} }',
    '{"type":"candidate","candidate":"candidate:1 1 udp 1 10.0.0.1 1 typ host","sdpMid":"0","sdpMLineIndex":0}',
    '{"type":"candidate","candidate":"candidate:1","sdpMid":null,"usernameFragment":"abcd"}',
    '{"type":"candidate","candidate":""}',
    '{"type":"control","action":"hello","payload":{"a":[1,2]}}',
    '{"type":"video-metrics","queueDepth":1,"overwriteDrops":0,"backpressureSkips":0,"outOfOrder":0,"vpGpuMs":0.4}',
  ];
  for (const text of texts) one.send(text);
  await until(() => two.texts.length === texts.length);
  expect(two.texts).toEqual(texts);
  expect(one.texts).toEqual([]);
});

test('any path will do, and no subprotocol is answered', async () => {
  const peer = await Peer.open(`${server.url}/some/path?x=1&roomId=abc`, []);
  expect(peer.socket.protocol).toBe('');
  await until(() => joins() === 1);
});

test.each(['', 'a b', 'x'.repeat(65), 'a/b', '%00'])('roomId %j is refused', async (room) => {
  const peer = await server.original(encodeURIComponent(room));
  expect(await peer.closed).toEqual({ code: 1008, reason: 'Invalid roomId' });
});

test('a room takes ROOM_CAPACITY members; the next one gets 1000 "Room is full"', async () => {
  await pair('full');
  expect(await (await server.original('full')).closed).toEqual({
    code: 1000,
    reason: 'Room is full',
  });
  await server.close();
  server = await startService({ ROOM_CAPACITY: '3' });
  const [one, two] = await pair('three');
  const three = await server.original('three');
  await until(() => joins() === 3);
  three.send({ type: 'control', action: 'hi' });
  await one.next('control');
  await two.next('control');
});

test.each([
  ['close', (peer: Peer) => peer.socket.close()],
  ['loss', (peer: Peer) => peer.socket.terminate()],
])('the other member hears of a %s at once', async (_name, end) => {
  const [one, two] = await pair();
  end(one);
  expect(await two.next()).toEqual({ type: 'peer-disconnected' });
});

test('a message that breaks the schema is answered and not relayed; the connection stays', async () => {
  const [one, two] = await pair();
  one.send({ type: 'offer' });
  one.send({ type: 'nonsense' });
  one.send({ type: 'control', action: 'after' });
  expect(await one.next()).toEqual({ type: 'control', action: 'schema-error' });
  expect(await one.next()).toEqual({ type: 'control', action: 'schema-error' });
  expect(await two.next()).toEqual({ type: 'control', action: 'after' });
});

test.each(['{', '[]', '"x"', 'null', ''])('malformed text %j closes with 1008', async (text) => {
  const [one, two] = await pair();
  one.send(text);
  expect((await one.closed).code).toBe(1008);
  expect(await two.next()).toEqual({ type: 'peer-disconnected' });
});

test('a binary frame closes with 1008, an oversized one with 1009', async () => {
  const [one] = await pair();
  one.socket.send(Buffer.from('{"type":"control","action":"x"}'));
  expect((await one.closed).code).toBe(1008);
  const [big] = await pair('other');
  big.send('x'.repeat(262_145));
  expect((await big.closed).code).toBe(1009);
});

test('400 candidates in a row all arrive, in order; who goes on for half a minute gets 1013', async () => {
  await server.close();
  const clock = new ManualClock();
  server = await startService({ RATE_LIMIT_MESSAGES_PER_10S: '200' }, { clock });
  const [one, two] = await pair();
  const candidates = (from: number, to: number) => {
    for (let count = from; count < to; count += 1) {
      one.send({ type: 'candidate', candidate: `c${count}`, sdpMid: '0', sdpMLineIndex: 0 });
    }
  };
  const heard = () => two.received.filter(({ type }) => type === 'candidate');
  candidates(0, 400);
  await until(() => {
    clock.advance(50);
    return heard().length === 400;
  });
  expect(heard().map(({ candidate }) => candidate)).toEqual(
    Array.from({ length: 400 }, (_unused, count) => `c${count}`),
  );
  expect(one.closeCode).toBeUndefined();
  candidates(400, 3000);
  await until(() => {
    clock.advance(50);
    return one.closeCode !== undefined;
  });
  expect(await one.closed).toEqual({ code: 1013, reason: 'Rate limited' });
  expect(await two.next('peer-disconnected')).toBeDefined();
});

test('SUBPROTOCOL is demanded of clients of the original protocol only', async () => {
  await server.close();
  server = await startService({ SUBPROTOCOL: 'acme.signal' });
  expect((await (await server.original('r')).closed).code).toBe(1008);
  const peer = await Peer.open(`${server.url}/?roomId=r`, ['acme.signal']);
  expect(peer.socket.protocol).toBe('acme.signal');
  await until(() => joins() === 1);
  expect(await (await server.v2()).next()).toMatchObject({ type: 'hello' });
});
