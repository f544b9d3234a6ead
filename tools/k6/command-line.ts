import { parseArgs } from 'node:util';
import { SCENARIOS, type Scenario } from './scenarios.ts';

/** A command line that is not allowed. The message names the option and the remedy. */
export class UsageError extends Error {}

export interface Run {
  readonly scenario: Scenario;
  /** What k6 gets as its environment, beside the addresses. */
  readonly env: Readonly<Record<string, string>>;
}

export interface CommandLine {
  readonly help: boolean;
  readonly runs: readonly Run[];
  readonly nodes: number;
  readonly bus: 'redis' | 'memory';
  /** Services that run already; empty: nodes are started. */
  readonly urls: readonly string[];
  readonly tokenFile: string | undefined;
  readonly jsonFile: string | undefined;
  readonly insecure: boolean;
  readonly install: boolean;
}

export const HELP = `npm run load -- <scenario> [options]

Scenarios:
${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}
  ${'smoke'.padEnd(18)}a few seconds of each

Options:
  --nodes 1|2         nodes to start (default 2)
  --bus redis|memory  where rooms live (default redis; memory: one node)
  --url URL[,URL]     use a service that runs already instead (ws:// or wss://)
  --rooms N           rooms
  --rate N            messages a second in each room
  --duration S        seconds
  --ramp S            seconds in which rooms are opened
  --bytes N           size of a message
  --vus N             virtual users, which share the rooms
  --protocol NAME     v2 (default) or original
  --token-file FILE   token for a service that asks for one
  --insecure          accept any certificate (of a service with one of its own)
  --json FILE         write all figures
  --install           fetch k6 into .peerdeck/k6, with Go, where it is not on the PATH`;

const NUMBERS = {
  rooms: 'ROOMS',
  rate: 'RATE',
  duration: 'DURATION',
  ramp: 'RAMP',
  bytes: 'BYTES',
  vus: 'VUS',
} as const;

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  insecure: { type: 'boolean' },
  install: { type: 'boolean' },
  nodes: { type: 'string' },
  bus: { type: 'string' },
  url: { type: 'string' },
  protocol: { type: 'string' },
  'token-file': { type: 'string' },
  json: { type: 'string' },
  ...(Object.fromEntries(
    Object.keys(NUMBERS).map((name) => [name, { type: 'string' as const }]),
  ) as Record<keyof typeof NUMBERS, { type: 'string' }>),
} as const;

/** @throws {UsageError} */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals } = parse(argv);
  const names = SCENARIOS.map(({ name }) => name);
  const [name, extra] = positionals;
  const help = values.help === true;
  if (extra !== undefined) throw new UsageError(`one scenario at a time, not ${extra} as well`);
  if (!help && (name === undefined || !(name === 'smoke' || names.includes(name)))) {
    const given = name === undefined ? 'no scenario' : `no scenario ${name}`;
    throw new UsageError(`${given}: name one of ${names.join(', ')}, smoke`);
  }
  const urls = readUrls(values.url);
  const bus = oneOf('bus', values.bus ?? 'redis', ['redis', 'memory'] as const);
  const most = bus === 'memory' ? '1' : '2';
  const nodes = Number(oneOf('nodes', values.nodes ?? most, ['1', '2'] as const));
  if (bus === 'memory' && nodes > 1) throw new UsageError('--bus memory: one node (--nodes 1)');
  const kills = name === 'reconnect-storm';
  if (kills && urls.length > 0) {
    throw new UsageError('reconnect-storm kills a node that it started itself: leave --url out');
  }
  if (kills && bus === 'memory') {
    throw new UsageError('reconnect-storm: rooms on the memory bus die with their node');
  }
  const protocol = oneOf('protocol', values.protocol ?? 'v2', ['v2', 'original'] as const);
  if (kills && protocol === 'original') {
    throw new UsageError('reconnect-storm: the original protocol has no way back to a place');
  }
  const given = { ...readNumbers(values), PROTOCOL: protocol };
  return {
    ...{ help, nodes, bus, urls },
    runs: runsOf(name, given, urls.length > 0 || bus === 'memory' || protocol === 'original'),
    tokenFile: values['token-file'],
    jsonFile: values.json,
    insecure: values.insecure === true,
    install: values.install === true,
  };
}

function runsOf(name: string | undefined, given: Record<string, string>, stays: boolean): Run[] {
  const smoke = name === 'smoke';
  return SCENARIOS.filter((scenario) =>
    smoke ? !(stays && scenario.name === 'reconnect-storm') : scenario.name === name,
  ).map((scenario) => {
    const defaults = Object.entries(smoke ? scenario.smoke : scenario.env);
    const texts = defaults.map(([key, value]) => [key, String(value)] as const);
    return { scenario, env: { ...Object.fromEntries(texts), ...given } };
  });
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}; see --help`);
  }
}

function readNumbers(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [option, variable] of Object.entries(NUMBERS)) {
    const text = values[option];
    if (typeof text !== 'string') continue;
    if (!/^\d+(\.\d+)?$/.test(text) || Number(text) <= 0) {
      throw new UsageError(`--${option} ${text}: a number above 0 is allowed`);
    }
    env[variable] = text;
  }
  return env;
}

function readUrls(text: string | undefined): string[] {
  if (text === undefined) return [];
  const urls = text.split(',').map((url) => url.trim().replace(/\/$/, ''));
  for (const url of urls) {
    if (!/^wss?:\/\/[^/]/.test(url)) {
      throw new UsageError(`--url ${url}: an address that begins with ws:// or wss:// is allowed`);
    }
  }
  return urls;
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) {
    throw new UsageError(`--${option} ${text}: ${allowed.join(' or ')} is allowed`);
  }
  return found;
}
