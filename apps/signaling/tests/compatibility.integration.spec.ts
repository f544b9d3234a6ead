import { startService, until, type TestService } from '../src/testing/harness.ts';
import { originalSuite } from '../src/testing/original-suite.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

describe('the original protocol on two nodes', () => {
  let redis: RedisServer;
  let nodes: TestService[] = [];
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    const env = { REDIS_URL: redis.url, REDIS_LEASE_MS: '6000', REDIS_TIMEOUT_MS: '2000' };
    nodes = [
      await startService(env, { nodeId: 'node-a' }),
      await startService(env, { nodeId: 'node-b' }),
    ];
    await until(() => nodes.every(({ service }) => service.ready));
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await redis.command('flushall');
  });

  const at = (index: number): TestService => {
    const node = nodes[index];
    if (node === undefined) throw new Error('not started');
    return node;
  };
  originalSuite(() => ({
    first: at(0).url,
    second: at(1).url,
    metric: async (line) => {
      const values = await Promise.all(nodes.map((node) => node.metric(line)));
      return values.reduce((sum, value) => sum + value, 0);
    },
    forgotten: async (rooms) => {
      const keys = rooms.map((room) => `peerdeck:{${room}}:room`);
      return (await redis.command('exists', ...keys)) === 0;
    },
  }));
});
