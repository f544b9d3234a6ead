import type { Costs } from './costs.ts';
import { EACH, RULES } from './model.ts';

/** What this reads of the JSON of `npm run load -- sustained-relay --json FILE`. */
export interface LoadResult {
  readonly scenario: string;
  readonly env: Readonly<Record<string, string>>;
  readonly k6: { readonly state: { readonly testRunDurationMs: number } };
  readonly nodes: readonly {
    readonly cpuMs: number;
    readonly rssPeakMB: number;
    readonly connectionsPeak: number;
    readonly relayed: { readonly local: number; readonly remote: number };
    readonly redisCommands: Readonly<Record<string, number>>;
  }[];
  readonly redis?: { readonly cpuMs: number } | undefined;
}

export interface Comparison {
  readonly what: string;
  readonly predicted: number;
  readonly measured: number;
}

const MEMBERS = 2;

/** What the model says of a load that was really there, beside what that took. */
export function check(result: LoadResult, { node, redis }: Costs): Comparison[] {
  if (result.scenario !== 'sustained-relay') {
    throw new Error(`${result.scenario}: only sustained-relay can be compared`);
  }
  const seconds = result.k6.state.testRunDurationMs / 1000;
  const rooms = Number(result.env['ROOMS']);
  const ramp = Number(result.env['RAMP'] ?? Math.max(2, rooms / 100));
  const nodes = result.nodes.length;
  const all = (pick: (usage: LoadResult['nodes'][number]) => number) =>
    result.nodes.reduce((total, usage) => total + pick(usage), 0);
  const local = all(({ relayed }) => relayed.local);
  const remote = all(({ relayed }) => relayed.remote);
  const connections = rooms * MEMBERS;
  // Rooms come during the ramp, speak from its end on, each by its own phase, and then go.
  const stay = ramp / 2 + 0.5 / Number(result.env['RATE']) + Number(result.env['DURATION']) + 4;
  const present = connections * stay;
  const nodesOfRoom = remote > 0 ? 2 : 1;
  const renews = rooms * nodesOfRoom * Math.floor(stay / RULES.renewEveryS);
  const notices = remote > 0 ? rooms * EACH.notices : 0;
  const ticks = (nodes * seconds) / RULES.tickS;
  const publishes = remote * EACH.publishesPerMessage + notices + ticks;
  const commands =
    connections * (EACH.joinCommands + EACH.leaveCommands) +
    (renews + publishes + ticks * (EACH.tickCommands - 1));
  const us =
    connections * (node.connectUs + node.leaveUs) +
    (local * node.localUs + remote * node.remoteUs) +
    (present * node.heartbeatUs) / RULES.heartbeatS +
    renews * node.renewUs;
  const redisUs =
    connections * (redis.joinUs + redis.leaveUs) +
    renews * redis.renewUs +
    publishes * redis.publishUs +
    commands * redis.commandUs;
  return [
    {
      what: 'CPU of all nodes, s',
      predicted: us / 1e6 + nodes * node.baseUse * seconds,
      measured: all(({ cpuMs }) => cpuMs) / 1000,
    },
    {
      what: 'memory of a node, MB',
      predicted: node.baseMB + ((connections / nodes) * node.kbPerConnection) / 1024,
      measured: Math.max(...result.nodes.map(({ rssPeakMB }) => rssPeakMB)),
    },
    {
      what: 'commands sent to Redis a second',
      predicted: commands / seconds,
      measured:
        all(({ redisCommands }) => Object.values(redisCommands).reduce((a, b) => a + b, 0)) /
        seconds,
    },
    {
      what: 'CPU of Redis, s',
      predicted: redisUs / 1e6,
      measured: (result.redis?.cpuMs ?? 0) / 1000,
    },
  ];
}

/** One line each, with the error of the prediction. */
export function describeChecks(comparisons: readonly Comparison[]): string {
  return comparisons
    .map(({ what, predicted, measured }) => {
      const error = measured === 0 ? '' : `, ${signed((predicted / measured - 1) * 100)} %`;
      return `${what}: predicted ${predicted.toFixed(1)}, measured ${measured.toFixed(1)}${error}`;
    })
    .join('\n');
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(0)}`;
}
