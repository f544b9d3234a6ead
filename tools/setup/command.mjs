import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './errors.mjs';

/** Output kept of one command: the end matters, so the oldest is dropped. */
const KEPT_BYTES = 512 * 1024;

/** The path of a program, or undefined. */
export function which(name, path = process.env.PATH ?? '') {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  // A plain user's PATH leaves these out, and ip, iptables and the like live there.
  for (const folder of [...folders, '/usr/sbin', '/sbin']) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue; // not in this folder
    }
  }
  return undefined;
}

/** Standard output of a short command, or undefined when it is absent or fails. */
export function capture(command, args, env = process.env) {
  const result = spawnSync(command, args, { env, encoding: 'utf8', maxBuffer: 64 << 20 });
  return result.status === 0 ? result.stdout : undefined;
}

/**
 * Runs a long command to its end. Its output is kept, and shown only when it fails.
 *
 * @returns {Promise<{ code: number | null, signal: string | null, output: string }>}
 */
export function runCommand(command, args, { cwd, env = process.env, input = 'ignore' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: [input, 'pipe', 'pipe'] });
    const kept = [];
    let size = 0;
    const keep = (chunk) => {
      kept.push(chunk);
      size += chunk.length;
      while (size > KEPT_BYTES && kept.length > 1) size -= kept.shift().length;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code, signal, output: Buffer.concat(kept).toString('utf8') }),
    );
  });
}

/** As runCommand, but anything but exit code 0 is a SetupError that carries the output. */
export async function mustRun(command, args, { what, remedy, ...options }) {
  let result;
  try {
    result = await runCommand(command, args, options);
  } catch (error) {
    throw new SetupError(`${what} failed: ${command}: ${error.message}`, { remedy });
  }
  if (result.code === 0) return result.output;
  const how = result.signal === null ? `exit code ${result.code}` : result.signal;
  const help = typeof remedy === 'function' ? remedy(result.output) : remedy;
  throw new SetupError(`${what} failed (${how}).`, { remedy: help, detail: result.output });
}
