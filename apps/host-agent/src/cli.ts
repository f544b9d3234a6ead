import { parseArgs } from 'node:util';
import { didYouMean } from './suggest.ts';

export class UsageError extends Error {
  constructor(message: string) {
    super(`${message}\n\`peerdeck-host --help\` lists the flags.`);
    this.name = 'UsageError';
  }
}

export type Command = 'run' | 'print-config' | 'doctor' | 'help' | 'version';
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface CommandLine {
  readonly command: Command;
  readonly configFile: string | undefined;
  readonly identityFile: string | undefined;
  readonly newCode: boolean;
  readonly logLevel: LogLevel | undefined;
  /** Dotted path → text, in the order given. */
  readonly settings: Readonly<Record<string, string>>;
}

interface Flag {
  readonly name: string;
  /** What follows it, for the help; none: a switch. */
  readonly value?: string;
  readonly text: string;
  /** The configuration key that it sets. */
  readonly sets?: string;
  readonly command?: Command;
}

const flags: readonly Flag[] = [
  { name: '--config', value: 'FILE', text: 'configuration file' },
  { name: '--display', value: ':N', text: 'X display to share', sets: 'host.display' },
  {
    name: '--signaling-url',
    value: 'URL',
    text: 'signaling service, ws:// or wss://',
    sets: 'client.serverUrlBase',
  },
  {
    name: '--web-url',
    value: 'URL',
    text: 'where viewers open the page; the printed link starts with it',
    sets: 'client.webUrl',
  },
  {
    name: '--token-file',
    value: 'FILE',
    text: 'file with a token for the signaling service; may be replaced at any time',
    sets: 'client.tokenFile',
  },
  { name: '--set', value: 'KEY=VALUE', text: 'any key of the configuration; may be repeated' },
  { name: '--identity', value: 'FILE', text: 'where the room code and the host key are kept' },
  { name: '--new-code', text: 'make a new room code; old codes and links stop working' },
  { name: '--log-level', value: 'LEVEL', text: LOG_LEVELS.join(', ') },
  {
    name: '--print-config',
    text: 'print the configuration in force and end',
    command: 'print-config',
  },
  {
    name: '--doctor',
    text: 'say what works on this machine and why the rest does not',
    command: 'doctor',
  },
  { name: '--help', text: 'this list', command: 'help' },
  { name: '--version', text: 'the version', command: 'version' },
];

export function flagTable(): readonly { usage: string; text: string }[] {
  return flags.map(({ name, value, text }) => ({
    usage: value === undefined ? name : `${name} ${value}`,
    text,
  }));
}

export function helpText(): string {
  const rows = flagTable();
  const width = Math.max(...rows.map((row) => row.usage.length)) + 2;
  return [
    'Streams this machine’s desktop to a browser, peer to peer.',
    '',
    'Usage: peerdeck-host [flags]',
    '',
    ...rows.map((row) => `  ${row.usage.padEnd(width)}${row.text}`),
    '',
    'Settings: docs/configuration.md. Environment variables go over the file, flags over both.',
    '',
  ].join('\n');
}

/** Reads the command line (without node and script). Throws UsageError. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const values = new Map<string, string>();
  const settings: Record<string, string> = {};
  let command: Command = 'run';
  let newCode = false;
  for (const token of tokensOf(args)) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw new UsageError(`"${token.value}" is not a flag.`);
    const { rawName: name, value, inlineValue } = token;
    const flag = flags.find((one) => one.name === name);
    if (flag === undefined) throw unknown(name);
    if (flag.value === undefined) {
      if (inlineValue === true) throw new UsageError(`${name} takes no value.`);
      if (flag.command !== undefined) command = flag.command;
      else newCode = true;
      continue;
    }
    if (value === undefined || (inlineValue !== true && value.startsWith('--'))) {
      throw new UsageError(`${name} needs a value: ${name} ${flag.value}.`);
    }
    if (name === '--set') Object.assign(settings, parseSetting(value));
    else if (flag.sets === undefined) values.set(name, value);
    else settings[flag.sets] = value;
  }
  return {
    command,
    configFile: values.get('--config'),
    identityFile: values.get('--identity'),
    newCode,
    logLevel: parseLogLevel(values.get('--log-level'), '--log-level'),
    settings,
  };
}

export function parseLogLevel(text: string | undefined, origin: string): LogLevel | undefined {
  if (text === undefined || text === '') return undefined;
  const found = LOG_LEVELS.find((level) => level === text);
  if (found !== undefined) return found;
  throw new UsageError(
    `${origin}: "${text}" is not one of ${LOG_LEVELS.join(', ')}.${didYouMean(text, LOG_LEVELS)}`,
  );
}

/** Not strict, since its own errors know no remedy. */
function tokensOf(args: readonly string[]) {
  const known = flags.map(({ name, value }): [string, { type: 'boolean' | 'string' }] => {
    return [name.slice(2), { type: value === undefined ? 'boolean' : 'string' }];
  });
  const how = { strict: false, allowPositionals: true, tokens: true } as const;
  return parseArgs({ args: [...args], options: Object.fromEntries(known), ...how }).tokens;
}

function unknown(name: string): UsageError {
  const names = flags.map((flag) => flag.name);
  return new UsageError(`${name}: unknown flag.${didYouMean(name, names)}`);
}

function parseSetting(text: string): Record<string, string> {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`--set ${text}: write it as KEY=VALUE.`);
  return { [text.slice(0, at)]: text.slice(at + 1) };
}
