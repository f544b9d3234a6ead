import { HeldBudget } from './held-budget.ts';
import { RoomMirror } from './room-mirror.ts';

/* What other nodes say to a room while Redis is asked something about it. */

function mirror(budget = new HeldBudget()) {
  const frames: string[] = [];
  let dropped = 0;
  const made = new RoomMirror({
    ...{ id: 'room', nodeId: 'here', detachMs: 1000, budget },
    listener: {
      frame: (_connectionId, frame) => frames.push(frame) > 0,
      event: () => {},
      replaced: () => {},
      removed: () => {},
      lost: () => {},
    },
    onStale: () => {},
    onDropped: () => (dropped += 1),
  });
  let answer = () => {};
  const waiting = () => made.run(() => new Promise<void>((resolve) => (answer = resolve)));
  return { made, frames, waiting, answer: () => void answer(), dropped: () => dropped };
}

const frame = (text: string) => ({ type: 'frame', connectionId: 'c', frame: text }) as const;
const notice = (version: number) =>
  ({ type: 'notice', notice: { room: 'room', version, changes: [] } }) as const;

test('frames that wait are bounded in bytes, the rest is dropped and counted', async () => {
  const budget = new HeldBudget();
  const { made, frames, waiting, answer, dropped } = mirror(budget);
  const done = waiting();
  for (let count = 0; count < 100; count += 1) made.received(frame('x'.repeat(200_000)));
  expect(budget.held).toBeLessThanOrEqual(4 * 2 ** 20);
  expect(dropped()).toBe(90);
  // A frame that is lost makes no room doubtful.
  expect(made.dirty).toBe(false);
  await Promise.resolve();
  answer();
  await done;
  expect(frames).toHaveLength(10);
  expect(budget.held).toBe(0);
});

test('a flood of frames pushes no word about members out', async () => {
  const { made, waiting, answer, dropped } = mirror();
  const done = waiting();
  for (let count = 0; count < 2000; count += 1) made.received(frame('x'));
  made.received(notice(1));
  expect([dropped(), made.dirty]).toEqual([976, false]);
  for (let count = 0; count < 1024; count += 1) made.received(notice(count));
  expect(made.dirty).toBe(true);
  await Promise.resolve();
  answer();
  await done;
});

test('rooms of one node share a budget', () => {
  const budget = new HeldBudget(1000);
  const rooms = [mirror(budget), mirror(budget)];
  for (const { made, waiting } of rooms) {
    void waiting();
    made.received(frame('x'.repeat(300)));
  }
  expect(rooms.map(({ dropped }) => dropped())).toEqual([0, 1]);
  rooms[0]?.made.clear();
  expect(budget.held).toBe(0);
});
