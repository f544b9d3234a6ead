import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const goScript = fileURLToPath(new URL('go.mjs', import.meta.url));
/** A Go module of its own. */
export const shaperSource = new URL('shaper/', import.meta.url);
const program = fileURLToPath(new URL('../dist/shaper', import.meta.url));

/** Builds it, which takes a second when it was built before. -> the program's path. */
export function buildShaper(): string {
  const args = [goScript, 'build', '-o', program, '.'];
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(shaperSource),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the shaper cannot be built: ${stderr.trim()}`);
  return program;
}
