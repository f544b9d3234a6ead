import { createSecretKey } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LIMITS } from '@peerdeck/protocol';
import { SignJWT } from 'jose';
import { SECRET_BYTES } from './auth/algorithms.ts';

/** A command line that cannot be done. The message is for its user. */
export class MintError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MintError';
  }
}

export interface MintOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const HELP = `Makes a token for a signaling service that runs with ENABLE_AUTH=true and JWT_SECRET.

Usage: mint-token --room ROOM --role ROLE [--ttl TIME]

  --room ROOM         room id, or the beginning of one and *; may be repeated; '*' is every room
  --role ROLE         host or viewer; may be repeated. Rooms of the original protocol need none
  --ttl TIME          how long it is good: 90s, 15m, 8h or 30d (1h)
  --subject TEXT      who it is for (sub)
  --issuer TEXT       iss (JWT_ISSUER)
  --audience TEXT     aud (JWT_AUDIENCE)
  --algorithm NAME    ${Object.keys(SECRET_BYTES).join(', ')} (the first of JWT_ALGORITHMS, or HS256)
  --secret-file FILE  file with the secret (else the variable JWT_SECRET, from .env too)

The token is all that is printed.
`;

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The token that a command line asks for, or the help. Throws MintError. */
export async function mintToken({ args, env, readFile, now }: MintOptions): Promise<string> {
  const given = readArgs(args);
  if (given.help === true) return HELP;
  const { room: rooms = [], role: roles = [], ttl = '1h', subject } = given;
  if (rooms.length === 0)
    throw new MintError("--room is missing: a room id, or '*' for every room.");
  for (const room of rooms) {
    if (!/^[A-Za-z0-9_\-:.]{0,64}\*?$/.test(room) || room === '') {
      throw new MintError(`--room ${room}: neither a room id nor the beginning of one and *.`);
    }
  }
  const wrong = roles.find((role) => role !== 'host' && role !== 'viewer');
  if (wrong !== undefined) throw new MintError(`--role ${wrong}: host or viewer.`);
  const algorithm = given.algorithm ?? list(env['JWT_ALGORITHMS'])[0] ?? 'HS256';
  const key = secret(given['secret-file'], env, readFile, algorithm);
  const issuer = given.issuer ?? env['JWT_ISSUER'] ?? '';
  const audience = given.audience ?? env['JWT_AUDIENCE'] ?? '';
  const issuedAt = Math.floor(now / 1000);
  const token = new SignJWT({ rooms, ...(roles.length === 0 ? {} : { role: roles }) })
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + seconds(ttl));
  if (subject !== undefined) token.setSubject(subject);
  if (issuer !== '') token.setIssuer(issuer);
  if (audience !== '') token.setAudience(audience);
  const text = await token.sign(key);
  if (text.length > LIMITS.token) {
    throw new MintError(`The token has ${text.length} bytes of ${LIMITS.token}: name fewer rooms.`);
  }
  return `${text}\n`;
}

function readArgs(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        room: { type: 'string', multiple: true },
        role: { type: 'string', multiple: true },
        ttl: { type: 'string' },
        subject: { type: 'string' },
        issuer: { type: 'string' },
        audience: { type: 'string' },
        algorithm: { type: 'string' },
        'secret-file': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MintError(`${why} (--help lists the flags)`);
  }
}

function seconds(ttl: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,6})([smhd])$/.exec(ttl) ?? [];
  const value = Number(count) * (UNIT_SECONDS[unit] ?? 0);
  if (value > 0 && value <= 366 * 86_400) return value;
  throw new MintError(`--ttl ${ttl}: write it as 90s, 15m, 8h or 30d; 366d at most.`);
}

/** The secret is never an argument: other users of a machine see those. */
function secret(
  file: string | undefined,
  env: MintOptions['env'],
  readFile: MintOptions['readFile'],
  algorithm: string,
) {
  const needed = SECRET_BYTES[algorithm];
  if (needed === undefined) {
    const names = Object.keys(SECRET_BYTES).join(', ');
    throw new MintError(`${algorithm} cannot be signed here: --algorithm ${names}.`);
  }
  const from = file === undefined ? 'JWT_SECRET' : `--secret-file ${file}`;
  // Trimmed as the service does.
  const text = (file === undefined ? (env['JWT_SECRET'] ?? '') : read(file, readFile)).trim();
  if (text === '') throw new MintError(`${from} is empty: it holds the secret of the service.`);
  const bytes = Buffer.byteLength(text);
  if (bytes < needed) {
    throw new MintError(`${from}: ${bytes} bytes, and ${algorithm} needs at least ${needed}.`);
  }
  return createSecretKey(Buffer.from(text));
}

function read(file: string, readFile: MintOptions['readFile']): string {
  try {
    return readFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MintError(`--secret-file ${file} cannot be read (${why}).`);
  }
}

function list(text = ''): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) {
  if (existsSync('.env')) process.loadEnvFile('.env');
  try {
    const args = process.argv.slice(2);
    const readFile = (path: string) => readFileSync(path, 'utf8');
    process.stdout.write(await mintToken({ args, env: process.env, readFile, now: Date.now() }));
  } catch (error) {
    if (!(error instanceof MintError)) throw error;
    process.stderr.write(`mint-token: ${error.message}\n`);
    process.exitCode = 64; // EX_USAGE of sysexits.h
  }
}
