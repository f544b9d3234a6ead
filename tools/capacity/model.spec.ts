import { check, describeChecks, type LoadResult } from './check.ts';
import { MEASURED, withBench } from './costs.ts';
import { RULES, plan, type Demand } from './model.ts';
import { report } from './report.ts';

const demand: Demand = {
  rooms: 100_000,
  membersPerRoom: 2,
  sessionMinutes: 30,
  messagesPerSession: 30,
  messageBytes: 1024,
  sticky: false,
};

describe('the plan', () => {
  it('follows from the demand', () => {
    const { connections, sessionsPerS, messagesPerS } = plan(demand, MEASURED);
    expect(connections).toBe(200_000);
    expect(sessionsPerS).toBeCloseTo(55.6, 1);
    expect(messagesPerS).toBeCloseTo(1666.7, 1);
  });

  it('has a node to spare, and keeps every rule without it', () => {
    for (const rooms of [10, 1000, 30_000, 100_000, 1_000_000, 5_000_000]) {
      const { connections, nodes } = plan({ ...demand, rooms }, MEASURED);
      expect(nodes.count).toBeGreaterThanOrEqual(2);
      expect(nodes.useWithoutOne).toBeLessThanOrEqual(RULES.utilisation);
      expect(nodes.connectionsWithoutOne).toBeLessThanOrEqual(RULES.connectionsPerNode);
      expect(nodes.useWithoutOne + nodes.stormUse).toBeLessThanOrEqual(0.9);
      expect(connections / (nodes.count - 1)).toBeCloseTo(nodes.connectionsWithoutOne, -1);
    }
  });

  it('takes no node more than the rules ask for, and names the one that does', () => {
    const rest = { ...MEASURED, node: { ...MEASURED.node, heartbeatUs: 20 } };
    const { nodes, connections } = plan(demand, rest);
    expect(nodes.limit).toBe('connections');
    expect(connections / (nodes.count - 2)).toBeGreaterThan(RULES.connectionsPerNode);
    const busy = plan({ ...demand, messagesPerSession: 20_000 }, MEASURED);
    expect(busy.nodes.limit).toBe('cpu');
    const crowded = { ...RULES, stormS: 0.1, connectionsPerNode: 1e6 };
    expect(plan(demand, rest, crowded).nodes.limit).toBe('storm');
    expect(plan({ ...demand, rooms: 10 }, MEASURED).nodes.limit).toBe('spare');
  });

  it('counts 1 - 1/n of the rooms across nodes, and none where the proxy keeps them together', () => {
    const scattered = plan(demand, MEASURED);
    expect(scattered.crossShare).toBeCloseTo(1 - 1 / scattered.nodes.count);
    const sticky = plan({ ...demand, sticky: true }, MEASURED);
    expect(sticky.crossShare).toBe(0);
    expect(sticky.redis.commandsPerS).toBeLessThan(scattered.redis.commandsPerS);
    expect(sticky.nodes.cores).toBeLessThan(scattered.nodes.cores);
  });

  it('divides Redis when its CPU, its memory or the time to fill it again asks for that', () => {
    expect(plan({ ...demand, rooms: 1000 }, MEASURED).redis).toMatchObject({ shards: 1, limit: 'none' }); // prettier-ignore
    const big = { ...MEASURED.redis, bytesPerRoom: 1e6 };
    expect(plan(demand, { ...MEASURED, redis: big }).redis.limit).toBe('memory');
    const slow = { ...MEASURED.redis, renewUs: 2000 };
    expect(plan(demand, { ...MEASURED, redis: slow }).redis.limit).toBe('cpu');
    const quick = { ...MEASURED, redis: { ...MEASURED.redis, commandUs: 0 } };
    expect(plan({ ...demand, rooms: 2_000_000 }, quick).redis.limit).toBe('reassert');
  });

  it('says that masters do not divide messages across nodes', () => {
    const busy = { ...demand, rooms: 1_000_000, sessionMinutes: 5 };
    expect(plan(busy, MEASURED).redis.limit).toBe('messages');
    expect(plan(busy, MEASURED).redis.shards).toBe(Infinity);
    expect(plan({ ...busy, sticky: true }, MEASURED).redis.limit).not.toBe('messages');
  });

  it('renews every room once a minute on each of its nodes', () => {
    const { redis, crossShare } = plan(demand, MEASURED);
    expect(redis.renewsPerS).toBeCloseTo((100_000 * (1 + crossShare)) / 60);
  });

  it('is shown in a table with a column for each', () => {
    const text = report([
      { title: 'a', plan: plan(demand, MEASURED) },
      { title: 'b', plan: plan({ ...demand, rooms: 1 }, MEASURED) },
    ]);
    for (const line of text.split('\n')) expect(line.match(/ \| /g)).toHaveLength(2);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('costs', () => {
  it('are taken from the benchmark where it has them', () => {
    const results = [
      { name: 'v2', median: { idleKb: 9, idleCpuPercent: 5 } },
      { name: 'v2-redis', median: { pacedCpuUs: 33 } },
      { name: 'v2-two-nodes', median: { pacedCpuUs: Number.NaN } },
    ];
    const { node, redis } = withBench(MEASURED, { sizes: { idleConnections: 10_000 }, results });
    expect(node).toMatchObject({ kbPerConnection: 9, localUs: 33, heartbeatUs: 50 });
    expect(node.remoteUs).toBe(MEASURED.node.remoteUs);
    expect(redis).toBe(MEASURED.redis);
  });

  it.each([null, {}, { results: 'x' }])('refuse %j', (bench) => {
    expect(() => withBench(MEASURED, bench)).toThrow(/bench:signaling/);
  });
});

describe('the check', () => {
  const load: LoadResult = {
    scenario: 'sustained-relay',
    env: { ROOMS: '1000', RAMP: '20', RATE: '1', DURATION: '30' },
    k6: { state: { testRunDurationMs: 50_000 } },
    nodes: [1, 2].map(() => ({
      cpuMs: 4000,
      rssPeakMB: 220,
      connectionsPeak: 1000,
      relayed: { local: 0, remote: 10_000 },
      redisCommands: { join: 1000, leave: 1000, publish: 5000 },
    })),
    redis: { cpuMs: 500 },
  };

  it('adds up what a load takes by the same costs', () => {
    const { redis } = MEASURED;
    const free = { connectUs: 0, leaveUs: 0, localUs: 0, heartbeatUs: 0, renewUs: 0 };
    const node = { ...free, baseUse: 0, baseMB: 100, kbPerConnection: 1.024, remoteUs: 50 };
    const [cpu, memory] = check(load, { node, redis });
    expect(cpu).toEqual({ what: 'CPU of all nodes, s', predicted: 1, measured: 8 });
    expect(memory).toMatchObject({ predicted: 101, measured: 220 });
  });

  it('says how far off the model is', () => {
    const text = describeChecks([{ what: 'x', predicted: 9, measured: 10 }]);
    expect(text).toBe('x: predicted 9.0, measured 10.0, -10 %');
  });

  it('compares no other scenario', () => {
    expect(() => check({ ...load, scenario: 'churn' }, MEASURED)).toThrow(/sustained-relay/);
  });
});
