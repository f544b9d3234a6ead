import { roomId, until } from '../../src/testing/harness.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import { Stage } from '../../src/testing/stage.ts';
import { Stream } from '../../src/testing/stream.ts';

/*
 * What is lost between nodes while a subscription is down: counted, and made good where it is a
 * matter of who is there.
 */

const ROOMS = 20;
const CUTS = 5;

let stage: Stage;
afterEach(() => stage.close());

test('a channel that is cut again and again: messages are lost and counted, rooms end right', async () => {
  stage = await Stage.open({ DETACH_MS: '0' });
  const [a, b] = (await stage.nodes(2)) as [NodeProcess, NodeProcess];
  const hosts = Array.from({ length: ROOMS }, (_unused, room) =>
    stage.member({ url: a.url, room: roomId(room), role: 'host' }),
  );
  await until(() => hosts.every((host) => host.joined));
  const pairs = await Promise.all(
    Array.from({ length: ROOMS }, async (_unused, room) => ({
      room,
      host: await stage.enter(a, roomId(100 + room), 'host'),
      viewer: await stage.enter(b, roomId(100 + room), 'viewer'),
    })),
  );
  const streams = pairs.map(({ host, viewer }) => new Stream(viewer, host));
  const guests = [];
  for (let cut = 0; cut < CUTS; cut += 1) {
    const joining = Array.from({ length: ROOMS }, (_unused, room) =>
      stage.enter(b, roomId(room), 'viewer'),
    );
    const before = streams.map(({ sent }) => sent);
    expect(await stage.redis.command('client', 'kill', 'type', 'pubsub')).toBeGreaterThan(0);
    const come = await Promise.all(joining);
    // Every other one goes again, partly while the channel is down.
    for (const [index, guest] of come.entries()) {
      if (index % 2 === 0) guest.socket.close(1000);
      else guests.push(guest);
    }
    await until(() => streams.every(({ sent }, index) => sent > (before[index] ?? 0) + 20));
    await until(async () => (await a.ready()) && (await b.ready()));
  }
  const arrived = await Promise.all(streams.map((stream) => stream.stop()));

  for (const numbers of arrived) {
    expect(numbers).toEqual([...new Set(numbers)].sort((one, two) => one - two));
  }
  const sent = streams.reduce((total, stream) => total + stream.sent, 0);
  const lost = sent - arrived.reduce((total, numbers) => total + numbers.length, 0);
  const counted = await b.metric('signaling_redis_dropped_frames_total');
  process.stdout.write(`cuts: ${CUTS}; of ${sent} messages ${lost} lost, ${counted} counted\n`);
  expect(lost).toBeGreaterThan(0);
  expect(counted).toBeGreaterThan(0);
  expect(counted).toBeLessThanOrEqual(lost);

  // Each host has the very members that Redis has.
  await until(async () => {
    const stored = await stage.rooms();
    return hosts.every((host, room) => {
      const known = [host.peerId, ...host.client.members.map(({ peerId }) => peerId)];
      return known.sort().join() === stored.get(roomId(room))?.sort().join();
    });
  });
  const stored = await stage.rooms();
  const expected = Array.from({ length: ROOMS }, (_unused, room) =>
    room % 2 === 0 ? 1 : 1 + CUTS,
  );
  expect(hosts.map((_host, room) => stored.get(roomId(room))?.length)).toEqual(expected);
  for (const guest of guests) guest.send({ type: 'control', action: 'hello' });
  await until(() =>
    hosts.every((host, room) => host.of('control').length === (room % 2 === 0 ? 0 : CUTS)),
  );
}, 60_000);
