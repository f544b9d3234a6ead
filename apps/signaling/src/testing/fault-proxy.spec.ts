import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FaultProxy } from './fault-proxy.ts';
import { until } from './harness.ts';

/** A server that keeps what it hears and says it back. */
let server: Server;
let accepted: Socket[] = [];
let heard = '';
let proxy: FaultProxy;
let clients: Socket[] = [];

beforeEach(async () => {
  [heard, accepted, clients] = ['', [], []];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      heard += data.toString('latin1');
      socket.write(data);
    });
    socket.on('end', () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await FaultProxy.open((server.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await Promise.all([proxy.close(), proxy.close()]);
  for (const socket of accepted) socket.destroy();
  server.close();
});

interface Client {
  readonly socket: Socket;
  said: string;
  ended: boolean;
  closed: Promise<unknown>;
}
async function client(): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  clients.push(socket);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const made: Client = { socket, said: '', ended: false, closed };
  socket.on('error', () => {});
  socket.on('data', (data: Buffer) => (made.said += data.toString('latin1')));
  socket.on('end', () => (made.ended = true));
  await once(socket, 'connect');
  return made;
}

test('without faults it passes all on, in order, and the end of each side', async () => {
  const one = await client();
  const text = Array.from({ length: 100_000 }, (_unused, count) => String(count % 10)).join('');
  one.socket.write(text);
  await until(() => one.said.length === text.length);
  expect(one.said).toBe(text);
  one.socket.end('bye');
  await until(() => one.ended);
  expect(one.said.endsWith('bye')).toBe(true);
  await until(() => proxy.connections === 0);
});

test('latency and jitter delay, and keep the order', async () => {
  const one = await client();
  proxy.set({ latencyMs: 30, jitterMs: 30 }, 'up');
  const started = performance.now();
  for (let count = 0; count < 10; count += 1) {
    one.socket.write(String(count));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => one.said.length === 10);
  expect(performance.now() - started).toBeGreaterThanOrEqual(29);
  expect(one.said).toBe('0123456789');
});

test('a narrow line takes its time', async () => {
  const one = await client();
  proxy.set({ bytesPerSecond: 100_000 }, 'up');
  const started = performance.now();
  one.socket.write('x'.repeat(20_000));
  await until(() => heard.length === 20_000);
  expect(performance.now() - started).toBeGreaterThanOrEqual(190);
});

test('a blackhole takes one direction, its end too, and gives nothing back', async () => {
  const one = await client();
  one.socket.write('a');
  await until(() => one.said === 'a');
  proxy.set({ blackhole: true }, 'down');
  one.socket.write('b');
  await until(() => heard === 'ab');
  accepted[0]?.destroy();
  proxy.set({ blackhole: true });
  one.socket.write('c');
  const two = await client();
  two.socket.write('d');
  await until(() => proxy.swallowed === 3);
  expect([one.said, one.ended, heard]).toEqual(['a', false, 'ab']);
  proxy.heal();
  await Promise.all([one.closed, two.closed]);
  proxy.set({ blackhole: true });
  proxy.heal();
  const three = await client();
  three.socket.write('e');
  await until(() => three.said === 'e');
});

test('stranded connections stay half-open, others work', async () => {
  const [one, two] = [await client(), await client()];
  two.socket.write('a');
  await until(() => two.said === 'a');
  const port = accepted[1]?.remotePort;
  proxy.strand((each) => each === port);
  proxy.heal();
  two.socket.write('b');
  one.socket.write('c');
  await until(() => one.said === 'c' && proxy.swallowed === 1);
  expect([two.said, two.ended, heard]).toEqual(['a', false, 'ac']);
});

test('paused, it holds the sender back, and loses nothing', async () => {
  const one = await client();
  proxy.set({ paused: true });
  const chunk = 'x'.repeat(65_536);
  let sent = 0;
  while (sent < 64 * 2 ** 20 && one.socket.writableLength < 2 ** 22) {
    one.socket.write(chunk);
    sent += chunk.length;
  }
  expect(heard).toBe('');
  expect(one.socket.writableLength).toBeGreaterThan(0);
  proxy.heal();
  await until(() => one.said.length === sent);
});

test('after so many bytes it cuts, and refusing it lets nobody in', async () => {
  const one = await client();
  proxy.set({ cutAfterBytes: 5 }, 'up');
  one.socket.write('123456789');
  await one.closed;
  await until(() => heard === '12345');
  proxy.refuse();
  const two = await client().catch(() => undefined);
  await two?.closed;
  proxy.heal();
  const three = await client();
  three.socket.write('z');
  await until(() => three.said === 'z');
  proxy.reset();
  await three.closed;
  expect(proxy.connections).toBe(0);
});

test('a target that is not there resets the client', async () => {
  const lost = await FaultProxy.open(1);
  const socket = connect(lost.port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  await lost.close();
});
