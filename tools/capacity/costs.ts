/** What things cost, as measured. Times are microseconds of CPU. */
export interface Costs {
  readonly node: NodeCosts;
  readonly redis: RedisCosts;
}

/** In a node's process, Redis not included. */
export interface NodeCosts {
  /** From the upgrade to the welcome, the commands to Redis among it. */
  readonly connectUs: number;
  /** From the end of a connection to everybody having heard of it. */
  readonly leaveUs: number;
  /** A message between two members of one node. */
  readonly localUs: number;
  /** A message to another node, both nodes together. */
  readonly remoteUs: number;
  /** A heartbeat of a connection at rest: the client's ping, or the node's own, and the answer. */
  readonly heartbeatUs: number;
  /** A room that rests, each time it is renewed in Redis. */
  readonly renewUs: number;
  /** A process that serves nobody, of a core: timers, lease, scrapes. */
  readonly baseUse: number;
  /** The same, and what its work leaves behind between two garbage collections, MB. */
  readonly baseMB: number;
  /** Resident memory that a connection adds, its session and its share of a room included. */
  readonly kbPerConnection: number;
}

/** In Redis: one thread, so that a second has a million of these. */
export interface RedisCosts {
  /** With the two small commands that go with a join. */
  readonly joinUs: number;
  readonly leaveUs: number;
  /** A whole comparison, as after a loss of data. */
  readonly syncUs: number;
  readonly renewUs: number;
  /** To one subscriber, delivery included. */
  readonly publishUs: number;
  /** On top, for each command that comes alone: reading it, and writing the answer. */
  readonly commandUs: number;
  /** A room of two on two nodes, its places in the nodes' sets included. */
  readonly bytesPerRoom: number;
}

/**
 * As measured by the commands in docs/operations.md on a machine that others used too, with few
 * connections on a node, so that most frames wake it: on the safe side.
 */
export const MEASURED: Costs = {
  node: {
    connectUs: 500,
    leaveUs: 190,
    localUs: 60,
    remoteUs: 120,
    heartbeatUs: 180,
    renewUs: 60,
    baseUse: 0.007,
    baseMB: 150,
    kbPerConnection: 30,
  },
  redis: {
    joinUs: 26,
    leaveUs: 23,
    syncUs: 24,
    renewUs: 6,
    publishUs: 4,
    commandUs: 25,
    bytesPerRoom: 1150,
  },
};

/** The benchmark leaves HEARTBEAT_INTERVAL_MS as it is. */
const BENCH_HEARTBEAT_S = 10;

interface BenchResult {
  readonly name: string;
  readonly median?: Readonly<Record<string, number>>;
}

/**
 * Costs out of the JSON of `npm run bench:signaling`; what it does not say stays as it is.
 * @throws an Error for a file that is something else.
 */
export function withBench(costs: Costs, bench: unknown): Costs {
  const results = (bench as { results?: readonly BenchResult[] } | null)?.results;
  if (!Array.isArray(results)) {
    throw new Error('not the JSON of `npm run bench:signaling`: it has no `results`');
  }
  const figure = (subject: string, name: string): number | undefined => {
    const value = (results as BenchResult[]).find((result) => result.name === subject)?.median?.[
      name
    ];
    return value !== undefined && Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const { node } = costs;
  const idle = figure('v2', 'idleCpuPercent');
  const connections = (bench as { sizes?: { idleConnections?: number } }).sizes?.idleConnections;
  return {
    ...costs,
    node: {
      ...node,
      connectUs: figure('v2-two-nodes', 'connectCpuUs') ?? node.connectUs,
      localUs: figure('v2-redis', 'pacedCpuUs') ?? figure('v2', 'pacedCpuUs') ?? node.localUs,
      remoteUs: figure('v2-two-nodes', 'pacedCpuUs') ?? node.remoteUs,
      kbPerConnection: figure('v2', 'idleKb') ?? node.kbPerConnection,
      heartbeatUs:
        idle === undefined || connections === undefined
          ? node.heartbeatUs
          : (idle / 100) * (1e6 / connections) * BENCH_HEARTBEAT_S,
    },
  };
}
