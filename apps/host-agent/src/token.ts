import { readFileSync } from 'node:fs';
import { isToken } from '@peerdeck/protocol';
import { ConfigError, type Config } from './config.ts';
import type { Log } from './log.ts';

export interface TokenOptions {
  readonly client: Pick<Config['client'], 'token' | 'tokenFile'>;
  readonly log: Log;
  readonly readFile?: (path: string) => string;
}

/**
 * What lets this host in at the signaling service; undefined: nothing is shown. A file is read
 * at each connection, so that whoever renews tokens replaces the file and no more; while it
 * can't be read, the last token serves.
 * @throws {ConfigError} for a file that holds no token now.
 */
export function tokenOf(options: TokenOptions): string | (() => string) | undefined {
  const { token, tokenFile } = options.client;
  if (tokenFile === '') return token === '' ? undefined : token;
  if (token !== '') {
    throw new ConfigError('client.token and client.tokenFile are both set: remove one.');
  }
  const readFile = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'));
  let last = read(tokenFile, readFile);
  return () => {
    try {
      last = read(tokenFile, readFile);
    } catch (error) {
      options.log.warn({ why: (error as Error).message }, 'no new token');
    }
    return last;
  };
}

function read(file: string, readFile: (path: string) => string): string {
  let text: string;
  try {
    text = readFile(file).trim();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`client.tokenFile: ${file} cannot be read (${why}).`, { cause });
  }
  if (isToken(text)) return text;
  throw new ConfigError(
    `client.tokenFile: ${file} holds no token; it should hold one JWT and nothing else.`,
  );
}
