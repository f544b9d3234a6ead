import { roomId, until } from '../../src/testing/harness.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import { Stage } from '../../src/testing/stage.ts';

const DRAIN_MS = 5000;

let stage: Stage;
let nodes: [NodeProcess, NodeProcess];
beforeEach(async () => {
  stage = await Stage.open({ DRAIN_MS: String(DRAIN_MS) });
  nodes = (await stage.nodes(2)) as [NodeProcess, NodeProcess];
}, 60_000);
afterEach(() => stage.close());

test('SIGTERM: a notice, 1012, exit code 0 in time; the real client comes back when it was told', async () => {
  const [a, b] = nodes;
  let { port } = a;
  const line = await stage.proxy(() => port);
  const host = await stage.enter(b, roomId(1), 'host');
  const url = `ws://127.0.0.1:${line.port}`;
  const viewers = Array.from({ length: 10 }, () =>
    stage.member({ url, room: roomId(1), role: 'viewer' }),
  );
  const plain = await stage.enter(a, roomId(2), 'host');
  const old = await stage.original(a, 'old');
  const other = await stage.original(b, 'old');
  await until(() => viewers.every(({ joined }) => joined));
  await until(async () => (await stage.rooms()).get('old')?.length === 2);
  const ids = viewers.map(({ peerId }) => peerId);

  port = b.port;
  const [{ code, ms }, notice] = await Promise.all([a.stop(), plain.next('drain')]);
  expect([code, ms < DRAIN_MS]).toEqual([0, true]);
  expect(notice).toEqual({ type: 'drain', retryAfterMs: expect.any(Number) as number });
  expect(await plain.closed).toEqual({ code: 1012, reason: 'Draining' });
  expect(await old.closed).toEqual({ code: 1012, reason: 'Draining' });
  await until(() => viewers.every(({ joined, resumes }) => joined && resumes === 1));

  expect(viewers.map(({ peerId }) => peerId)).toEqual(ids);
  for (const viewer of viewers) {
    // It waited once, and for no longer than the drain lasts.
    const waits = viewer.states.flatMap((state) =>
      state.state === 'reconnecting' ? [state.inMs] : [],
    );
    expect(waits.length).toBeLessThanOrEqual(1);
    for (const wait of waits) expect(wait).toBeLessThan(DRAIN_MS);
    viewer.client.send({ type: 'control', action: 'back' });
  }
  await until(() => host.types().filter((type) => type === 'control').length === viewers.length);
  expect(host.types()).not.toContain('member-left');
  expect(host.types()).not.toContain('member-detached');
  expect(other.types()).not.toContain('peer-disconnected');
  await expect(stage.v2(a)).rejects.toThrow('ECONNREFUSED');
});

test('a client that does not answer holds the end up until DRAIN_MS, and no longer', async () => {
  const node = await stage.node({ DRAIN_MS: '600' });
  const line = await stage.proxy(node.port);
  const deaf = stage.member({
    ...{ url: `ws://127.0.0.1:${line.port}`, room: roomId(1), role: 'viewer' as const },
  });
  await until(() => deaf.joined);
  line.set({ blackhole: true });
  const { code, ms } = await node.stop();
  expect(code).toBe(0);
  expect(ms).toBeGreaterThanOrEqual(600);
});
