import { Bystanders } from '../src/testing/bystanders.ts';
import { startService, until, type TestService } from '../src/testing/harness.ts';
import { OPCODE, RawClient, rawFrame, upgrade, type RawFrame } from '../src/testing/raw-client.ts';

/*
 * Broken and hostile framing: the right close code, a metric, and every other room unharmed.
 */

let server: TestService;
let bystanders: Bystanders;
const clients: RawClient[] = [];
beforeEach(async () => {
  server = await startService();
  bystanders = await Bystanders.start(server);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await bystanders.unharmed();
  await bystanders.stop();
  await server.close();
});

async function open(): Promise<RawClient> {
  const client = await RawClient.v2(server.service.port);
  clients.push(client);
  return client;
}

const closes = (code: number, by = 'server') =>
  server.metric(`signaling_closes_total{code="${code}",by="${by}"}`);
const text = '{"type":"ping","id":1}';

test.each<[string, RawFrame[], number]>([
  ['an unmasked frame', [{ opcode: OPCODE.text, payload: text, masked: false }], 1002],
  ['reserved bits', [{ opcode: OPCODE.text, payload: text, reserved: 2 }], 1002],
  ['a compressed frame that nobody agreed on', [{ opcode: 1, payload: 'x', reserved: 4 }], 1002],
  ['a reserved opcode', [{ opcode: 3, payload: text }], 1002],
  ['a reserved control opcode', [{ opcode: 11 }], 1002],
  ['a ping over 125 bytes', [{ opcode: OPCODE.ping, payload: 'x'.repeat(126) }], 1002],
  ['a close over 125 bytes', [{ opcode: OPCODE.close, payload: 'x'.repeat(200) }], 1002],
  ['a ping in pieces', [{ opcode: OPCODE.ping, fin: false }], 1002],
  ['a continuation of nothing', [{ opcode: OPCODE.more, payload: 'x' }], 1002],
  [
    'a message within a message',
    [
      { opcode: OPCODE.text, payload: '{', fin: false },
      { opcode: OPCODE.text, payload: '}' },
    ],
    1002,
  ],
  ['a close of one byte', [{ opcode: OPCODE.close, payload: 'x' }], 1002],
  ['a close code that is none', [{ opcode: OPCODE.close, payload: Buffer.from([3, 0xed]) }], 1002],
  [
    'a close reason that is no UTF-8',
    [{ opcode: OPCODE.close, payload: Buffer.from([3, 0xe8, 0xff]) }],
    1007,
  ],
  ['text that is no UTF-8', [{ opcode: OPCODE.text, payload: Buffer.from([0xc3, 0x28]) }], 1007],
  [
    'a surrogate as UTF-8',
    [{ opcode: OPCODE.text, payload: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) }],
    1007,
  ],
  ['UTF-8 cut off', [{ opcode: OPCODE.text, payload: Buffer.from([0x22, 0xe2, 0x82]) }], 1007],
  ['a binary frame', [{ opcode: OPCODE.binary, payload: text }], 1003],
  ['an oversized frame, before its bytes come', [{ opcode: 1, length: 262_145 }], 1009],
  ['a length that no number holds', [{ opcode: 1, length: 2n ** 63n - 1n }], 1009],
  [
    'oversize in pieces',
    [
      { opcode: OPCODE.text, payload: 'x'.repeat(200_000), fin: false },
      { opcode: OPCODE.more, payload: 'x'.repeat(100_000) },
    ],
    1009,
  ],
])('%s', async (_name, frames, code) => {
  const before = await closes(code);
  const client = await open();
  for (const frame of frames) client.frame(frame);
  expect(await client.closeCode()).toBe(code);
  await client.gone;
  expect(await closes(code)).toBe(before + 1);
});

test('a message in pieces, with a ping between them, is a message', async () => {
  const client = await open();
  client.frame({ opcode: OPCODE.text, payload: text.slice(0, 5), fin: false });
  client.frame({ opcode: OPCODE.ping, payload: 'alive?' });
  client.frame({ opcode: OPCODE.more, payload: text.slice(5) });
  await until(() => client.frames().length === 3);
  const [hello, pong, answer] = client.frames();
  expect(hello?.payload.toString()).toContain('"hello"');
  expect(pong).toEqual({ opcode: OPCODE.pong, payload: Buffer.from('alive?') });
  expect(answer?.payload.toString()).toBe('{"type":"pong","id":1}');
});

test.each([
  ['of one byte each', 'x'],
  ['of nothing', ''],
])('a message in endless pieces %s is cut off', async (_name, payload) => {
  const client = await open();
  const piece = rawFrame({ opcode: OPCODE.more, payload, fin: false });
  client.frame({ opcode: OPCODE.text, payload: '"', fin: false });
  for (let count = 0; count < 20; count += 1) {
    client.write(Buffer.concat(Array<Buffer>(1000).fill(piece)));
  }
  expect(await client.closeCode()).toBe(1008);
  await client.gone;
  expect(await closes(1008)).toBe(1);
});

test.each<[string, number, string]>([
  ['peerdeck.v2', 4008, 'ping'],
  ['peerdeck.v2', 4008, 'pong'],
  ['', 1013, 'ping'],
])('%j: a flood of control frames is closed with %d (%s)', async (protocol, code, kind) => {
  const client = new RawClient(server.service.port);
  clients.push(client);
  client.write(
    upgrade('/?roomId=flood', protocol === '' ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  );
  await client.head();
  const opcode = kind === 'ping' ? OPCODE.ping : OPCODE.pong;
  const flood = rawFrame({ opcode, payload: 'x'.repeat(125) });
  client.write(Buffer.concat(Array<Buffer>(5000).fill(flood)));
  expect(await client.closeCode()).toBe(code);
  const pongs = client.frames().filter((frame) => frame.opcode === OPCODE.pong);
  // A hundred, and ten a second.
  expect(pongs.length).toBeLessThan(250);
  client.destroy();
  await until(async () => (await closes(code)) === 1);
  expect(await server.metric('signaling_rate_limited_total{scope="control-frames"}')).toBe(1);
});

test('who pings and never reads its pongs fills no memory', async () => {
  const client = await open();
  client.socket.pause();
  const flood = Buffer.concat(
    Array<Buffer>(500).fill(rawFrame({ opcode: OPCODE.ping, payload: 'x'.repeat(125) })),
  );
  for (let count = 0; count < 100; count += 1) client.write(flood);
  await until(async () => (await closes(4008)) === 1);
});

test('compression is not agreed on, whoever offers it', async () => {
  const offer = 'permessage-deflate; client_max_window_bits; server_no_context_takeover';
  const client = await RawClient.v2(server.service.port, [`Sec-WebSocket-Extensions: ${offer}`]);
  clients.push(client);
  expect((await client.head()).toLowerCase()).not.toContain('sec-websocket-extensions');
  // A bomb: 1000 bytes that would become a megabyte.
  client.frame({ opcode: OPCODE.text, payload: Buffer.alloc(1000, 0xff), reserved: 4 });
  expect(await client.closeCode()).toBe(1002);
});

test('rubbish in the packet of the upgrade ends with 1002', async () => {
  const client = new RawClient(server.service.port);
  clients.push(client);
  const rubbish = Buffer.from('GET /?roomId=next HTTP/1.1\r\nHost: x\r\n\r\n');
  client.write(Buffer.concat([Buffer.from(upgrade('/?roomId=a')), rubbish]));
  expect(await client.head()).toContain('101');
  expect(await client.closeCode()).toBe(1002);
  await until(async () => (await closes(1002)) === 1);
});

test('frames in the packet of the upgrade are read', async () => {
  const client = new RawClient(server.service.port);
  clients.push(client);
  const head = upgrade('/', ['Sec-WebSocket-Protocol: peerdeck.v2']);
  client.write(
    Buffer.concat([Buffer.from(head), rawFrame({ opcode: OPCODE.text, payload: text })]),
  );
  await until(() => client.frames().length === 2);
  expect(client.frames()[1]?.payload.toString()).toBe('{"type":"pong","id":1}');
});

test('who closes its half of the connection is gone', async () => {
  const client = new RawClient(server.service.port, { halfOpen: true });
  clients.push(client);
  client.write(upgrade('/', ['Sec-WebSocket-Protocol: peerdeck.v2']));
  await client.head();
  client.socket.end();
  await until(async () => (await closes(1006, 'peer')) === 1);
});

test('who does not answer a close frame is cut off', async () => {
  const client = await open();
  client.frame({ opcode: OPCODE.binary, payload: 'x' });
  expect(await client.closeCode()).toBe(1003);
  await client.gone;
});

test('what follows the frame that ended a connection is not handled', async () => {
  const client = await open();
  const bad = rawFrame({ opcode: OPCODE.binary, payload: 'x' });
  const good = rawFrame({ opcode: OPCODE.text, payload: text });
  client.write(Buffer.concat([bad, ...Array<Buffer>(100).fill(good)]));
  expect(await client.closeCode()).toBe(1003);
  expect(await server.metric('signaling_messages_received_total{type="ping"}')).toBe(0);
});
