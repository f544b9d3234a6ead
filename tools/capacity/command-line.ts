import { parseArgs } from 'node:util';
import { RULES, type Demand, type Rules } from './model.ts';

/** A command line that is not allowed. The message names the option and the remedy. */
export class UsageError extends Error {}

export interface CommandLine {
  readonly help: boolean;
  /** One plan for each number of rooms. */
  readonly demands: readonly Demand[];
  readonly rules: Rules;
  readonly benchFile: string | undefined;
  /** Rooms to measure Redis with; undefined: take what was measured. */
  readonly measure: number | undefined;
  /** A load to compare the model with, instead of a plan. */
  readonly checkFile: string | undefined;
  readonly json: boolean;
}

export const HELP = `npm run capacity -- [options]

What so many rooms at the same time need, by costs that were measured.

  --rooms N[,N]       rooms (default 1000,100000,1000000)
  --members N         members of a room (2)
  --minutes N         a session (30)
  --messages N        relayed in a session (30)
  --bytes N           of a message (1024)
  --sticky            the proxy brings all members of a room to one node
  --use N             share of a core that may be in use, one node being gone (${RULES.utilisation})
  --connections N     MAX_CONNECTIONS of a node (${RULES.connectionsPerNode})
  --storm S           the clients of a dead node are back after so long (${RULES.stormS})
  --heartbeat S       HEARTBEAT_INTERVAL_MS in seconds (${RULES.heartbeatS})
  --from FILE         costs of nodes, from \`npm run bench:signaling -- --json FILE\`
  --measure[=N]       measure what Redis takes, with N rooms (20000) in one that is started for it
  --check FILE        compare the model with \`npm run load -- sustained-relay --json FILE\`
  --json              demand, costs and plan as JSON`;

type Figure =
  'members' | 'minutes' | 'messages' | 'bytes' | 'use' | 'connections' | 'storm' | 'heartbeat';

const MEASURE_ROOMS = 20_000;

/** @throws {UsageError} */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const args = argv.map((text) => (text === '--measure' ? `--measure=${MEASURE_ROOMS}` : text));
  const values = parse(args);
  const number = (name: Figure, fallback: number): number =>
    values[name] === undefined ? fallback : positive(name, values[name]);
  const use = number('use', RULES.utilisation);
  if (use > 0.9) throw new UsageError(`--use ${use}: a share of at most 0.9 is allowed`);
  const rooms = (values.rooms ?? '1000,100000,1000000').split(',');
  return {
    help: values.help === true,
    demands: rooms.map((text) => ({
      rooms: positive('rooms', text),
      membersPerRoom: number('members', 2),
      sessionMinutes: number('minutes', 30),
      messagesPerSession: number('messages', 30),
      messageBytes: number('bytes', 1024),
      sticky: values.sticky === true,
    })),
    rules: {
      ...RULES,
      utilisation: use,
      connectionsPerNode: number('connections', RULES.connectionsPerNode),
      stormS: number('storm', RULES.stormS),
      heartbeatS: number('heartbeat', RULES.heartbeatS),
    },
    benchFile: values.from,
    measure: values.measure === undefined ? undefined : positive('measure', values.measure),
    checkFile: values.check,
    json: values.json === true,
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    const { values } = parseArgs({
      args,
      options: {
        ...{ rooms: text, members: text, minutes: text, messages: text, bytes: text, use: text },
        ...{
          connections: text,
          storm: text,
          heartbeat: text,
          from: text,
          measure: text,
          check: text,
        },
        ...{ sticky: flag, json: flag, help: { ...flag, short: 'h' } },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}; see --help`);
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} ${text}: a number above 0 is allowed`);
}
