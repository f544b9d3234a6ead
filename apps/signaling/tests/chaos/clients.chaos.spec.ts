import { CLOSE } from '@peerdeck/protocol';
import type { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { roomId, until } from '../../src/testing/harness.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import { Peer } from '../../src/testing/peer.ts';
import { Stage } from '../../src/testing/stage.ts';
import { Stream } from '../../src/testing/stream.ts';

/*
 * Clients on bad lines, beside others on good ones, on another node.
 */

const HEARTBEAT_TIMEOUT_MS = 1500;
const DETACH_MS = 3000;

let stage: Stage;
let line: FaultProxy;
let nodes: [NodeProcess, NodeProcess];
let rooms = 0;
beforeAll(async () => {
  stage = await Stage.open({
    HEARTBEAT_INTERVAL_MS: '500',
    HEARTBEAT_TIMEOUT_MS: String(HEARTBEAT_TIMEOUT_MS),
    DETACH_MS: String(DETACH_MS),
    BACKPRESSURE_CLOSE_THRESHOLD_BYTES: '262144',
  });
  nodes = (await stage.nodes(2)) as [NodeProcess, NodeProcess];
  line = await stage.proxy(nodes[0].port);
}, 60_000);
afterEach(() => {
  rooms += 1;
  line.heal();
});
afterAll(() => stage.close());

const url = () => `ws://127.0.0.1:${line.port}`;

test('a half-open client is found out by the heartbeat: detached, then lost, each told of once', async () => {
  const host = await stage.enter(nodes[1], roomId(rooms), 'host');
  const viewer = await Peer.open(url(), ['peerdeck.v2']);
  await viewer.join(roomId(rooms), 'viewer');
  await host.next('member-joined');
  const cut = performance.now();
  line.strand();
  await host.next('member-detached');
  const detached = performance.now();
  // The last it was heard may be an interval ago.
  expect(detached - cut).toBeGreaterThan(HEARTBEAT_TIMEOUT_MS - 700);
  await host.next('member-left');
  expect(performance.now() - detached).toBeGreaterThan(DETACH_MS - 100);
  const told = host.types().filter((type) => type.startsWith('member-'));
  expect(told).toEqual(['member-joined', 'member-detached', 'member-left']);
  expect(host.received.at(-1)).toMatchObject({ reason: 'lost' });
  expect((await stage.rooms()).get(roomId(rooms))).toHaveLength(1);
  viewer.socket.terminate();
});

test('a client that finds its line dead comes back in time: nobody hears of a leave', async () => {
  const host = await stage.enter(nodes[1], roomId(rooms), 'host');
  const viewer = stage.member({ url: url(), room: roomId(rooms), role: 'viewer' });
  await host.next('member-joined');
  await until(() => viewer.joined);
  const { peerId } = viewer;
  for (const cut of [() => line.reset(), () => line.strand()]) {
    const before = viewer.resumes;
    cut();
    await until(() => viewer.joined && viewer.resumes > before);
    await host.next('member-resumed');
    host.send({ type: 'control', action: `after ${before}`, to: peerId });
    await until(() => viewer.of('control').length === before + 1);
  }
  expect(viewer.peerId).toBe(peerId);
  await host.settle();
  expect(host.types()).not.toContain('member-left');
});

test('a slow line, a narrow one, a jittery one: all arrives, in order', async () => {
  const host = await stage.enter(nodes[1], roomId(rooms), 'host');
  const viewer = await Peer.open(url(), ['peerdeck.v2']);
  await viewer.join(roomId(rooms), 'viewer');
  await host.next('member-joined');
  line.set({ latencyMs: 150, jitterMs: 100, bytesPerSecond: 50_000 });
  const streams = [new Stream(host, viewer), new Stream(viewer, host)];
  await until(() => streams.every(({ sent }) => sent > 200));
  for (const stream of streams) await stream.complete();
  viewer.socket.terminate();
});

test('who does not read is closed with 4015, and no other room waits', async () => {
  const [at, other] = nodes;
  const closed = `signaling_closes_total{code="${CLOSE.slowConsumer}",by="server"}`;
  const before = await at.metric(closed);
  const host = await stage.enter(other, roomId(rooms), 'host');
  const viewer = await Peer.open(url(), ['peerdeck.v2']);
  const { peerId } = await viewer.join(roomId(rooms), 'viewer');
  const pairs = await Promise.all(
    [at, other].map(async (node, index) => {
      const room = roomId(1000 + index);
      return [
        await stage.enter(node, room, 'host'),
        await stage.enter(at, room, 'viewer'),
      ] as const;
    }),
  );
  const streams = pairs.map(([one, two]) => new Stream(two, one));
  await host.next('member-joined');
  line.set({ paused: true }, 'down');
  const sdp = 'x'.repeat(60_000);
  await until(async () => {
    // Many between two looks at the metrics: buffers on the way take megabytes.
    for (let more = 0; more < 10; more += 1) {
      host.send({ type: 'offer', session: 's', sdp, to: peerId });
    }
    return (await at.metric(closed)) > before;
  });
  await until(() => host.types().includes('member-detached'));
  for (const stream of streams) await stream.complete();
  expect(host.closeCode).toBeUndefined();
  viewer.socket.terminate();
});
