import type { Costs } from './costs.ts';

/** What is asked of the service. */
export interface Demand {
  /** At the same time. */
  readonly rooms: number;
  readonly membersPerRoom: number;
  readonly sessionMinutes: number;
  /** Relayed in a session, all together: descriptions and candidates at its start, mostly. */
  readonly messagesPerSession: number;
  readonly messageBytes: number;
  /** Whether whatever stands before the nodes brings all members of a room to one node. */
  readonly sticky: boolean;
}

/** What a node and a Redis may be asked for. */
export interface Rules {
  /** Share of a core that a node (Redis too) is in use, one node being gone. */
  readonly utilisation: number;
  /** MAX_CONNECTIONS. */
  readonly connectionsPerNode: number;
  /** The clients of a node that died are back after so long: REDIS_LEASE_MS and DETACH_MS. */
  readonly stormS: number;
  /** After a loss of data all rooms are in Redis again after so long. */
  readonly reassertS: number;
  readonly heartbeatS: number;
  /** SYNC_EVERY_MS of the bus. */
  readonly renewEveryS: number;
  /** A quarter of REDIS_LEASE_MS. */
  readonly tickS: number;
  readonly redisGB: number;
}

export const RULES: Rules = {
  utilisation: 0.5,
  connectionsPerNode: 20_000,
  stormS: 10,
  reassertS: 30,
  heartbeatS: 10,
  renewEveryS: 60,
  tickS: 2.5,
  redisGB: 8,
};

/** Counts that follow from the code of the bus, or were counted. */
export const EACH = {
  /** Lease, set of rooms, script. */
  joinCommands: 3,
  leaveCommands: 2,
  /** Of a node: lease, due time, beat, who is overdue. */
  tickCommands: 6,
  /** To the other node, in a session: the second member comes, and goes, and the first. */
  notices: 3,
  /** Messages of a burst share a command: an offer and its candidates are one or two. */
  publishesPerMessage: 0.5,
  /** At most: limits are settled in batches. */
  limitCommandsPerMessage: 0.05,
} as const;
/** What allocation and buffers add to the bytes of the keys. */
const REDIS_MEMORY_FACTOR = 1.5;
/** Packets of a heartbeat and its answer, with headers and acknowledgements, both ways. */
const HEARTBEAT_BYTES = 500;
const HEADER_BYTES = 80;
/** net.ipv4.ip_local_port_range of Linux: connections of one proxy to one node. */
const EPHEMERAL_PORTS = 28_232;
/** Of what a Redis may be used: if messages take more, others beside it are no relief. */
const MOST_MESSAGES = 0.8;
const MOST_NODES = 100_000;

export type NodeLimit = 'cpu' | 'connections' | 'storm' | 'spare';
export type RedisLimit = 'cpu' | 'memory' | 'reassert' | 'messages' | 'none';

export interface Plan {
  readonly connections: number;
  readonly sessionsPerS: number;
  readonly messagesPerS: number;
  /** Share of rooms whose members are on different nodes. */
  readonly crossShare: number;
  readonly nodes: {
    readonly count: number;
    /** What asks for so many. `spare`: one would do, and another stands by. */
    readonly limit: NodeLimit;
    /** Cores in use by all of them. */
    readonly cores: number;
    /** Of one core, all nodes there; one of them gone. */
    readonly use: number;
    readonly useWithoutOne: number;
    readonly connectionsWithoutOne: number;
    readonly memoryMB: number;
    /** Connections a second that each of the others takes when a node dies. */
    readonly stormPerS: number;
    /** Of a core, what that takes on top. */
    readonly stormUse: number;
    readonly fileDescriptors: number;
    readonly mbitPerS: number;
    /** Proxies at least, so that none runs out of ports towards a node. */
    readonly proxiesForPorts: number;
  };
  readonly redis: {
    readonly commandsPerS: number;
    readonly publishesPerS: number;
    readonly renewsPerS: number;
    /** Of one core. */
    readonly use: number;
    /** Of that, messages: in a Cluster these do not divide. */
    readonly publishUse: number;
    readonly memoryMB: number;
    readonly reassertS: number;
    /** Infinity: no number is enough. */
    readonly shards: number;
    readonly limit: RedisLimit;
  };
}

/** Pure arithmetic: the same demand, costs and rules give the same plan. */
export function plan(demand: Demand, { node, redis }: Costs, rules: Rules = RULES): Plan {
  const connections = demand.rooms * demand.membersPerRoom;
  const sessionsPerS = demand.rooms / (demand.sessionMinutes * 60);
  const joinsPerS = sessionsPerS * demand.membersPerRoom;
  const messagesPerS = sessionsPerS * demand.messagesPerSession;

  const crossOf = (count: number) => (demand.sticky || count < 2 ? 0 : 1 - 1 / count);
  const renewsOf = (count: number) => (demand.rooms * (1 + crossOf(count))) / rules.renewEveryS;
  const coresOf = (count: number) => {
    const cross = crossOf(count);
    const rest = (connections * node.heartbeatUs) / rules.heartbeatS;
    const comings = joinsPerS * (node.connectUs + node.leaveUs);
    const messages = messagesPerS * (node.localUs * (1 - cross) + node.remoteUs * cross);
    const work = rest + comings + messages + renewsOf(count) * node.renewUs;
    return work / 1e6 + count * node.baseUse;
  };
  const stormOf = (count: number) => connections / count / Math.max(1, count - 1) / rules.stormS;
  const fits: Record<Exclude<NodeLimit, 'spare'>, (count: number) => boolean> = {
    cpu: (count) => coresOf(count) / Math.max(1, count - 1) <= rules.utilisation,
    connections: (count) => connections / Math.max(1, count - 1) <= rules.connectionsPerNode,
    storm: (count) =>
      coresOf(count) / Math.max(1, count - 1) + (stormOf(count) * node.connectUs) / 1e6 <= 0.9,
  };
  const needs = (['cpu', 'connections', 'storm'] as const).map(
    (limit) => [limit, least(fits[limit])] as const,
  );
  const [first, most] = needs.reduce((a, b) => (b[1] > a[1] ? b : a));
  const count = Math.max(2, most);
  const cross = crossOf(count);
  const cores = coresOf(count);
  const left = count - 1;

  const renewsPerS = renewsOf(count);
  const ticks = count / rules.tickS;
  const publishesPerS =
    (messagesPerS * EACH.publishesPerMessage + sessionsPerS * EACH.notices) * cross + ticks;
  const commandsPerS =
    joinsPerS * (EACH.joinCommands + EACH.leaveCommands) +
    renewsPerS +
    publishesPerS +
    messagesPerS * EACH.limitCommandsPerMessage +
    (EACH.tickCommands - 1) * ticks;
  const publishUse = (publishesPerS * (redis.publishUs + redis.commandUs)) / 1e6;
  const use =
    (joinsPerS * (redis.joinUs + redis.leaveUs) +
      renewsPerS * redis.renewUs +
      publishesPerS * redis.publishUs +
      commandsPerS * redis.commandUs) /
    1e6;
  const memoryMB = (demand.rooms * redis.bytesPerRoom * REDIS_MEMORY_FACTOR) / 2 ** 20;
  const reassertS = (demand.rooms * (1 + cross) * redis.syncUs) / 1e6;
  // In a Cluster every server passes every message on: masters divide the rest only.
  const manyMessages = publishUse > rules.utilisation * MOST_MESSAGES;
  const wants: [RedisLimit, number][] = [
    [
      'cpu',
      manyMessages ? Infinity : Math.ceil((use - publishUse) / (rules.utilisation - publishUse)),
    ],
    ['memory', Math.ceil(memoryMB / (rules.redisGB * 1024))],
    ['reassert', Math.ceil(reassertS / rules.reassertS)],
  ];
  const [redisLimit, shards] = wants.reduce((a, b) => (b[1] > a[1] ? b : a));
  const bytesPerS =
    (connections / rules.heartbeatS) * HEARTBEAT_BYTES +
    messagesPerS * (demand.messageBytes + HEADER_BYTES) * 2 * (1 + cross);
  return {
    ...{ connections, sessionsPerS, messagesPerS, crossShare: cross },
    nodes: {
      count,
      limit: most < 2 ? 'spare' : first,
      cores,
      use: cores / count,
      useWithoutOne: cores / left,
      connectionsWithoutOne: Math.ceil(connections / left),
      memoryMB: node.baseMB + ((connections / left) * node.kbPerConnection) / 1024,
      stormPerS: stormOf(count),
      stormUse: (stormOf(count) * node.connectUs) / 1e6,
      fileDescriptors: Math.ceil((connections / left) * 1.1) + 100,
      mbitPerS: (bytesPerS * 8) / 1e6 / left,
      proxiesForPorts: Math.ceil(connections / left / EPHEMERAL_PORTS),
    },
    redis: {
      commandsPerS,
      ...{ publishesPerS, renewsPerS, use, publishUse, memoryMB, reassertS },
      shards: Math.max(1, shards),
      limit: manyMessages ? 'messages' : shards <= 1 ? 'none' : redisLimit,
    },
  };
}

/** The least number of nodes that fits, and one more does not stop fitting. */
function least(fits: (count: number) => boolean): number {
  let low = 1;
  let high = 1;
  while (!fits(high)) {
    low = high;
    high *= 2;
    if (high > MOST_NODES) throw new Error('no number of nodes is enough: look at the costs');
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}
