import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge, parseJest, parseLines } from './results.mjs';

/** Output kept of one suite: a flood must not eat the memory; its end tells most. */
const KEPT_BYTES = 16 * 1024 * 1024;
const KILL_AFTER_MS = 5000;
const DRAIN_MS = 5000;

/**
 * Runs one suite in a process group of its own, so that nothing of it outlives its deadline.
 *
 * @returns {Promise<ReturnType<typeof judge> & { output: string }>}
 */
export async function runSuite(suite, { env, more = [], signal }) {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-test-'));
  const json = join(folder, 'jest.json');
  const extra = suite.kind === 'jest' ? ['--json', `--outputFile=${json}`] : [];
  const command = [suite.command, ...[...extra, ...more].map(quote)].join(' ');
  try {
    const how = await runGroup(command, {
      cwd: suite.cwd,
      env,
      deadlineMs: suite.deadlineMs,
      signal,
    });
    const counts = suite.kind === 'jest' ? readJest(json) : parseLines(how.output);
    return { ...judge({ ...how, counts }), output: how.output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readJest(file) {
  try {
    return parseJest(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined; // jest did not get far enough to write it
    throw error;
  }
}

/** A shell command with a deadline. `output` has both streams in the order they came. */
export function runGroup(command, { cwd, env, deadlineMs, signal }) {
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', command], {
      ...{ cwd, env, detached: true },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    let size = 0;
    let timedOut = false;
    const keep = (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      while (size > KEPT_BYTES && chunks.length > 1) size -= chunks.shift().length;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = () => {
      killGroup(child.pid, 'SIGTERM');
      setTimeout(() => killGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS).unref();
    };
    const deadline = setTimeout(() => {
      timedOut = true;
      end();
    }, deadlineMs);
    signal?.addEventListener('abort', end, { once: true });
    let ended = { code: null, signal: null };
    const finish = () => {
      clearTimeout(deadline);
      clearTimeout(drain);
      signal?.removeEventListener('abort', end);
      resolve({ ...ended, timedOut, output: Buffer.concat(chunks).toString('utf8') });
    };
    let drain;
    child.once('error', (error) => {
      keep(Buffer.from(`${error.message}\n`));
      ended = { code: 127, signal: null };
      finish();
    });
    // Its last output may come after its end. What it left behind could hold the pipes open, so it
    // is ended; what escaped the group too must not hold up the run for ever.
    child.once('exit', (code, how) => {
      ended = { code, signal: how };
      killGroup(child.pid, 'SIGKILL');
      drain = setTimeout(finish, DRAIN_MS);
    });
    child.once('close', finish);
  });
}

function killGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // all of it has ended
  }
}

function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
