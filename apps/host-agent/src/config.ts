import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { configKeys, keysAt } from './config-keys.ts';
import { configSchema, type Config } from './config-schema.ts';
import { didYouMean } from './suggest.ts';

export type { Config } from './config-schema.ts';

/** A mistake of the user's: the message names the field, where it was set, and the remedy. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigError';
  }
}

export interface LoadConfigOptions {
  /** Path of a config.json; undefined: defaults only. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From the command line: dotted path → text as typed. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly readFile?: (path: string) => string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** What was changed or is worth saying, for the log. */
  readonly notes: readonly string[];
}

/** The least that Windows Graphics Capture takes without falling to about 50 fps: 1 ms. */
export const MIN_UPDATE_INTERVAL_100NS = 10_000;

/** File under environment under flags; then checked as a whole. Throws ConfigError. */
export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const origins = new Map<string, string>();
  const tree = readTree(options);
  for (const [path, text, origin] of overrides(options)) {
    setPath(tree, path, text);
    origins.set(path, origin);
  }
  const parsed = configSchema.safeParse(tree);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => describe(issue, origins, options.file));
    throw new ConfigError(lines.join('\n'), { cause: parsed.error });
  }
  return normalise(parsed.data);
}

function normalise(config: Config): LoadedConfig {
  const notes: string[] = [];
  const asked = config.host.capture.minUpdateInterval100ns;
  if (asked > 0 && asked < MIN_UPDATE_INTERVAL_100NS) {
    notes.push(
      `host.capture.minUpdateInterval100ns: ${asked} raised to ${MIN_UPDATE_INTERVAL_100NS} ` +
        '(1 ms): with less, Windows captures at about 50 fps.',
    );
    config.host.capture.minUpdateInterval100ns = MIN_UPDATE_INTERVAL_100NS;
  }
  if (config.host.acceptUnauthenticated) {
    notes.push(
      'host.acceptUnauthenticated is on: anybody who finds the room sees and controls this machine.',
    );
  }
  return { config, notes };
}

/** What capture is asked for: 0 in the file means one millisecond. */
export function effectiveUpdateInterval(config: Config): number {
  const asked = config.host.capture.minUpdateInterval100ns;
  return asked === 0 ? MIN_UPDATE_INTERVAL_100NS : asked;
}

type Tree = { [key: string]: unknown };

function readTree(options: LoadConfigOptions): Tree {
  if (options.file === undefined) return {};
  const read = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'));
  let text: string;
  try {
    text = read(options.file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${options.file}: cannot be read (${why}). Check --config.`, { cause });
  }
  try {
    const tree: unknown = JSON.parse(text);
    if (isTree(tree)) return tree;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${options.file}: not valid JSON (${why}).`, { cause });
  }
  throw new ConfigError(`${options.file}: must hold one JSON object.`);
}

function* overrides(options: LoadConfigOptions): Generator<[string, string, string]> {
  const keys = configKeys();
  const variables = new Map(keys.map((key) => [key.variable, key.path]));
  const tokenFile = options.env['PEERDECK_TOKEN_FILE'] ?? '';
  if (tokenFile !== '') yield ['client.tokenFile', tokenFile, 'PEERDECK_TOKEN_FILE'];
  for (const [name, value] of Object.entries(options.env)) {
    if (value === undefined || !/^PEERDECK_(CLIENT|HOST|ICE_SERVERS)/.test(name)) continue;
    const path = variables.get(name);
    if (path === undefined) {
      const hint = didYouMean(name, [...variables.keys()]);
      throw new ConfigError(`${name}: no such setting.${hint}`);
    }
    yield [path, value, name];
  }
  for (const [path, value] of Object.entries(options.flags ?? {})) {
    if (!keys.some((key) => key.path === path)) {
      const names = keys.map((key) => key.path);
      throw new ConfigError(`--set ${path}: no such setting.${didYouMean(path, names)}`);
    }
    yield [path, value, 'the command line'];
  }
}

/** Text from outside the file: JSON where the key is not text, the text itself where it is. */
function setPath(tree: Tree, path: string, text: string): void {
  const key = configKeys().find((one) => one.path === path);
  const isText = key === undefined || key.type === 'string' || key.type === 'choice';
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at = tree;
  for (const step of steps) {
    const next = at[step];
    const child: Tree = isTree(next) ? next : {};
    at[step] = child;
    at = child;
  }
  at[last] = isText ? text : parseValue(text);
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // the schema then says what it expected
  }
}

function describe(
  issue: z.core.$ZodIssue,
  origins: ReadonlyMap<string, string>,
  file: string | undefined,
): string {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => {
        const full = path === '' ? key : `${path}.${key}`;
        return `${file ?? 'configuration'}: ${full}: unknown key.${didYouMean(key, keysAt(path))}`;
      })
      .join('\n');
  }
  const origin = origins.get(path) ?? file ?? 'configuration';
  return `${origin}: ${path}: ${issue.message}`;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
