import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Files of the repository whose path matches: what git tracks, or what is new and not ignored. */
export function filesOf(pattern) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const names = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0');
  return names.filter((name) => pattern.test(name) && read(name) !== undefined);
}

/** Its text; undefined where the work tree has no such file. */
export function read(name) {
  try {
    return readFileSync(join(ROOT, name), 'utf8');
  } catch {
    return undefined;
  }
}

/** The folder of the project that a file belongs to: two names deep, as `apps/signaling`. */
export const projectOf = (name) => /^(?:apps|libs|native|tools)\/[^/]+(?=\/)/.exec(name)?.[0];
