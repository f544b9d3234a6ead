import { roomId, until } from '../../src/testing/harness.ts';
import { NodeProcess } from '../../src/testing/node-process.ts';
import { OPCODE, RawClient, rawFrame } from '../../src/testing/raw-client.ts';
import { SECRET } from '../../src/testing/tokens.ts';

/*
 * What clients without a token can make a node keep in memory: a node with a heap of 384 MB, as
 * small machines have, and clients that begin messages and end none.
 */

const HEAP = '--max-old-space-size=384';
const CLIENTS = 200;
/** The most that ws takes by itself. */
const FRAGMENTS = 16_000;

let node: NodeProcess;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await node.close();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  const auth = { ENABLE_AUTH: 'true', JWT_SECRET: SECRET };
  node = await NodeProcess.start({ NODE_OPTIONS: HEAP, ...auth, ...env });
}

/** Clients from four addresses. */
async function open(count: number): Promise<RawClient[]> {
  const opened = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      RawClient.v2(node.port, [], `127.0.0.${2 + (index % 4)}`),
    ),
  );
  clients.push(...opened);
  return opened;
}

/** Somebody else, from an address of its own, is told why it may not join: the node serves. */
async function expectServes(): Promise<void> {
  const peer = await node.v2();
  peer.send({ type: 'join', room: roomId(1), role: 'viewer' });
  expect(await peer.next('error')).toMatchObject({ code: 'unauthorized' });
  peer.socket.terminate();
}

const unfinished = () => node.metric('signaling_unfinished_bytes');

test('200 clients that send messages of one-byte fragments do not end the node', async () => {
  await start();
  const first = rawFrame({ opcode: OPCODE.text, payload: '{', fin: false });
  const more = rawFrame({ opcode: OPCODE.more, payload: ' ', fin: false });
  const flood = Buffer.concat([first, ...Array<Buffer>(FRAGMENTS).fill(more)]);
  const opened = await open(CLIENTS);
  for (const client of opened) client.write(flood);
  const ends = await Promise.all(opened.map((client) => client.closeFrame()));
  for (const end of ends) {
    expect(end).toEqual({ code: 1008, reason: 'A message of too many parts' });
  }
  expect(node.running).toBe(true);
  await expectServes();
  expect(await unfinished()).toBe(0);
});

test('nor do those that send one message byte by byte', async () => {
  await start();
  const [client] = await open(1);
  if (client === undefined) throw new Error('no client');
  const whole = rawFrame({ opcode: OPCODE.text, payload: 'x'.repeat(200_000) });
  client.socket.setNoDelay(true);
  let sent = 0;
  let ended = false;
  void client.closeCode().then(() => (ended = true));
  while (!ended) {
    client.write(whole.subarray(sent, (sent += 1)));
    await new Promise(setImmediate);
  }
  expect(await client.closeCode()).toBe(1008);
  expect(sent).toBeLessThan(100_000);
  await expectServes();
});

test('what all of them leave unfinished is bounded, and costs nobody else a connection', async () => {
  await start({ UNFINISHED_TOTAL_BYTES: '8388608' });
  const honest = await RawClient.v2(node.port, [], '127.0.0.9');
  clients.push(honest);
  const half = rawFrame({ opcode: OPCODE.text, payload: 'x'.repeat(200_000) }).subarray(0, 150_000);
  honest.write(half);
  await until(async () => (await unfinished()) > 150_000);
  const opened = await open(CLIENTS);
  let gone = 0;
  for (const client of opened) void client.gone.then(() => (gone += 1));
  for (const client of opened) client.write(half);
  // Of 30 MB no more than 8 stay.
  await until(() => gone >= CLIENTS - 56);
  await until(async () => (await unfinished()) > 0);
  expect(await unfinished()).toBeLessThanOrEqual(8_388_608);
  honest.write(Buffer.alloc(0));
  expect(honest.socket.destroyed).toBe(false);
  await expectServes();
  expect(await node.metric('signaling_rate_limited_total{scope="unfinished"}')).toBe(gone);
});
