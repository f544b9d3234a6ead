import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  fromBase64Url,
  generateHostKey,
  generateRoomCode,
  hostKeyFromSecret,
  parseRoomCode,
  toBase64Url,
  type HostKey,
} from '@peerdeck/protocol';
import { z } from 'zod';
import { replaceFile } from './replace-file.ts';

/** Who this host is, over restarts: its room's control code and its signing key. */
export interface Identity {
  readonly code: string;
  readonly hostKey: HostKey;
}

export class IdentityError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'IdentityError';
  }
}

const fileSchema = z.object({ version: z.literal(1), code: z.string(), hostKey: z.string() });

/** $XDG_STATE_HOME/peerdeck/identity.json, or under %LOCALAPPDATA% on Windows. */
export function defaultIdentityFile(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const local = platform === 'win32' ? env['LOCALAPPDATA'] : env['XDG_STATE_HOME'];
  const base = local !== undefined && local !== '' ? local : join(homedir(), '.local', 'state');
  return join(base, 'peerdeck', 'identity.json');
}

/**
 * Reads the identity, or makes one. `newCode` makes a new room code and keeps the key: links
 * that were handed out stop working. The file is readable by its owner alone, and is replaced in
 * one step, so that a crash leaves the old or the new one.
 */
export function loadIdentity(options: {
  readonly file: string;
  readonly newCode?: boolean;
}): Identity {
  const { file, newCode = false } = options;
  const known = read(file);
  if (known !== undefined && !newCode) return known;
  const identity = {
    code: generateRoomCode(),
    hostKey: known?.hostKey ?? generateHostKey(),
  };
  write(file, identity);
  return identity;
}

function read(file: string): Identity | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return undefined;
    throw new IdentityError(`${file}: cannot be read. Check its owner, or use --identity.`, {
      cause,
    });
  }
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  const identity = parse(text);
  if (identity !== undefined) return identity;
  throw new IdentityError(
    `${file}: not a Peerdeck identity, or damaged. Remove it to start with a new code and key.`,
  );
}

/** Says nothing about the content: it is secret. */
function parse(text: string): Identity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const code = parseRoomCode(parsed.data.code);
  const secret = fromBase64Url(parsed.data.hostKey);
  if (!code.ok || code.code.role !== 'control' || secret?.length !== 32) return undefined;
  return { code: code.code.text, hostKey: hostKeyFromSecret(secret) };
}

function write(file: string, identity: Identity): void {
  const text = JSON.stringify({
    version: 1,
    code: identity.code,
    hostKey: toBase64Url(identity.hostKey.secretKey),
  });
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    replaceFile(file, `${text}\n`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IdentityError(`${file}: cannot be written (${why}). Use --identity FILE.`, { cause });
  }
}

function isErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
