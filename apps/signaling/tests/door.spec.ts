import fc from 'fast-check';
import { roomId, startService, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';

/*
 * Bad input: a typed error or the right close code, and every other room unharmed.
 */

let server: TestService;
let host: Peer;
let witness: Peer;
beforeEach(async () => {
  server = await startService();
  host = await server.v2();
  await host.join(roomId(1), 'host');
  witness = await server.v2();
  await witness.join(roomId(1), 'viewer');
});
afterEach(async () => {
  // The other room works as if nothing had happened.
  witness.send({ type: 'control', action: 'still here' });
  expect(await host.next('control')).toMatchObject({ action: 'still here' });
  const errors = server.log.filter((line) => line.includes('"level":"error"'));
  expect(errors).toEqual([]);
  await server.close();
});

const deep = `{"type":"control","action":"x","payload":${'['.repeat(5000)}${']'.repeat(5000)}}`;

test.each([
  ['not JSON', '{', 'malformed'],
  ['no object', '[1]', 'malformed'],
  ['nothing', '', 'malformed'],
  ['deep nesting', deep, 'malformed'],
  ['a prototype key', '{"type":"control","action":"x","payload":{"__proto__":{}}}', 'malformed'],
  ['no type', '{"sdp":"x"}', 'invalid-message'],
  ['a type of the server', '{"type":"welcome"}', 'unknown-type'],
  [
    'a field too many bytes',
    `{"type":"candidate","session":"s","candidate":"${'x'.repeat(5000)}"}`,
    'too-large',
  ],
  ['a field of the wrong kind', '{"type":"offer","session":"s","sdp":7}', 'invalid-message'],
  ['a room of another form', '{"type":"join","room":"../x","role":"host"}', 'invalid-message'],
  ['a role that is none', `{"type":"join","room":"${roomId(1)}","role":"root"}`, 'invalid-message'],
])('%s gets a typed error; the connection stays', async (_name, text, code) => {
  const peer = await server.v2();
  peer.send(text);
  expect(await peer.next('error')).toMatchObject({ code, fatal: false });
  await peer.settle();
  expect(await server.metric(`signaling_messages_refused_total{code="${code}"}`)).toBe(1);
});

test('a binary frame closes with 1003, text that is no UTF-8 with 1007, oversize with 1009', async () => {
  const binary = await server.v2();
  binary.socket.send(Buffer.from('{}'));
  expect((await binary.closed).code).toBe(1003);
  const broken = await server.v2();
  broken.socket.send(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false });
  expect((await broken.closed).code).toBe(1007);
  const big = await server.v2();
  big.send('x'.repeat(262_145));
  expect((await big.closed).code).toBe(1009);
});

test('who goes on breaking the rules is closed with 4013 and removed from the room', async () => {
  const peer = await server.v2();
  await peer.join(roomId(1), 'viewer');
  for (let count = 0; count < 60; count += 1) peer.send('{');
  expect((await peer.closed).code).toBe(4013);
  expect(peer.received.at(-1)).toMatchObject({ code: 'protocol-error', fatal: true });
  expect(await host.next('member-left')).toMatchObject({ reason: 'kicked' });
});

test('a subprotocol that is none of ours ends with 1008', async () => {
  const peer = new Peer(`${server.url}/?roomId=a`, ['mqtt']);
  // The answer names no subprotocol, which a strict client takes as the end of it.
  expect([1006, 1008]).toContain((await peer.closed).code);
});

test('10,000 candidates reach the host in order where no limit is set', async () => {
  const peer = await server.v2();
  await peer.join(roomId(1), 'viewer');
  for (let count = 0; count < 10_000; count += 1) {
    peer.send({ type: 'candidate', session: 's', candidate: `c${count}` });
  }
  for (let count = 0; count < 10_000; count += 1) {
    expect((await host.next('candidate'))['candidate']).toBe(`c${count}`);
  }
});

test('whatever is sent, the service answers the next one', async () => {
  const words = fc.constantFrom('type', 'room', 'role', 'to', 'sdp', 'session', 'join', 'offer');
  const frame = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(words, fc.oneof(words, fc.jsonValue())).map((value) => JSON.stringify(value)),
    fc.uint8Array({ maxLength: 64 }),
  );
  let peer = await server.v2();
  await fc.assert(
    fc.asyncProperty(frame, async (data) => {
      if (peer.closeCode !== undefined || peer.socket.readyState !== peer.socket.OPEN) {
        peer = await server.v2();
      }
      peer.socket.send(typeof data === 'string' ? data : Buffer.from(data), { binary: false });
      const answer = await Promise.race([peer.settle().catch(() => 'closed'), peer.closed]);
      if (answer !== undefined && peer.closeCode !== undefined) {
        expect([1000, 1007, 4009, 4011, 4013]).toContain(peer.closeCode);
      }
    }),
    { numRuns: 1000 },
  );
});
