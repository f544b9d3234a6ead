import { FaultProxy } from '../../testing/fault-proxy.ts';
import { roomId, startService, until, type TestService } from '../../testing/harness.ts';
import type { Peer } from '../../testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * Connections to Redis that are half open: a router or firewall between forgot them, and neither
 * side is told. TCP would take a quarter of an hour to find out.
 */

let redis: RedisServer;
let line: FaultProxy;
let nodes: TestService[] = [];
let host: Peer;
let viewer: Peer;

beforeEach(async () => {
  redis = await RedisServer.start();
  line = await FaultProxy.open(redis.port);
  const settings = { REDIS_LEASE_MS: '9000', REDIS_TIMEOUT_MS: '500' };
  const urls = [`redis://127.0.0.1:${line.port}`, redis.url];
  nodes = await Promise.all(
    urls.map((url, index) =>
      startService({ ...settings, REDIS_URL: url }, { nodeId: `node-${index}` }),
    ),
  );
  await until(() => nodes.every(({ service }) => service.ready));
  [host, viewer] = (await Promise.all(nodes.map((node) => node.v2()))) as [Peer, Peer];
  await host.join(roomId(1), 'host');
  await viewer.join(roomId(1), 'viewer');
  await host.next('member-joined');
});
afterEach(async () => {
  for (const peer of [host, viewer]) peer.socket.terminate();
  await Promise.all(nodes.map((node) => node.close()));
  await line.close();
  await redis.close();
});

/** Both ways, each said again until it is there: what goes during the outage is lost. */
async function reunited(): Promise<void> {
  for (const [from, to] of [
    [viewer, host],
    [host, viewer],
  ] as const) {
    await until(async () => {
      expect(from.closeCode).toBeUndefined();
      from.send({ type: 'control', action: 'again' });
      await from.settle();
      return to.types().includes('control');
    });
  }
}

function nobodyLeft(): void {
  for (const peer of [host, viewer]) expect(peer.types()).not.toContain('member-left');
}

test('both connections: the node is not ready, makes new ones, and is back before its lease ends', async () => {
  const [node] = nodes as [TestService];
  line.strand();
  await until(() => !node.service.ready);
  await until(() => node.service.ready);
  await reunited();
  nobodyLeft();
});

test('only that of the channel: what others say arrives again', async () => {
  const clients = String(await redis.command('client', 'list', 'type', 'pubsub'));
  const ports = [...clients.matchAll(/ addr=127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
  expect(ports).toHaveLength(2);
  line.strand((port) => ports.includes(port));
  await reunited();
  nobodyLeft();
});

test('while they are made too: a Redis that takes connections and says nothing', async () => {
  const [node] = nodes as [TestService];
  line.strand();
  line.set({ blackhole: true }, 'down');
  await until(() => !node.service.ready && line.swallowed > 0);
  await until(() => line.connections >= 3);
  line.strand();
  line.set({});
  await until(() => node.service.ready);
  await reunited();
});
