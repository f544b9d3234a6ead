import { Backlog } from './backlog.ts';
import { Connection } from './connection.ts';
import { FrameWriter } from './frame-writer.ts';
import { Intake } from './intake.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { MemorySocket } from '../testing/memory-socket.ts';

function connect() {
  const socket = new MemorySocket();
  const connection = new Connection({
    id: 'c',
    address: '192.0.2.1',
    socket: socket.asWebSocket(),
    transport: socket.asTransport(),
    rules: {
      writer: new FrameWriter(),
      clock: new ManualClock(),
      maxBufferedBytes: 65_536,
      backlog: new Backlog(1e9),
      intake: new Intake(1e9),
      bounds: { maxMessageBytes: 262_144, maxFragments: 128, maxReads: 1024 },
      codes: { binary: 1003, slow: 4015, flood: 4008 },
      onSlow: () => {},
      onFlood: () => {},
      onUnfinished: () => {},
      onHeldBack: () => {},
    },
  });
  const handled: string[] = [];
  let release = () => {};
  connection.start({
    message: (text) => {
      handled.push(text);
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    },
    ended: () => {},
    closed: () => {},
    failed: () => {},
  });
  return { socket, handled, release: () => void release() };
}

test.each([
  ['many', 'x', 64],
  ['large', 'x'.repeat(100_000), 3],
])('while a message is handled, %s others stop the reading of more', async (_name, text, most) => {
  const { socket, handled, release } = connect();
  socket.receive('first');
  for (let count = 0; count < most - 1; count += 1) socket.receive(text);
  expect(socket.isPaused).toBe(false);
  socket.receive(text);
  expect(socket.isPaused).toBe(true);
  expect(handled).toEqual(['first']);
  // Handled one after the other; then there is room again.
  while (handled.length < most + 1) {
    release();
    await new Promise(setImmediate);
  }
  release();
  await new Promise(setImmediate);
  expect(socket.isPaused).toBe(false);
  for (let count = 0; count < most; count += 1) socket.receive(text);
  expect(socket.isPaused).toBe(false);
  socket.receive(text);
  expect(socket.isPaused).toBe(true);
});
