import { spawn } from 'node:child_process';

/** What a command printed when it failed, with the command. */
export class CommandError extends Error {
  constructor(command, code, output) {
    super(`${command} ended with ${code}:\n${output.trimEnd().split('\n').slice(-30).join('\n')}`);
    this.name = 'CommandError';
    this.output = output;
  }
}

/**
 * Runs a program to its end. Rejects with CommandError unless it ends with 0.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: object, cwd?: string, input?: string, deadlineMs?: number, log?: (text: string) => void }} [options]
 *   `log` gets both outputs as they come
 * @returns {Promise<string>} standard output
 */
export function run(command, args, options = {}) {
  const { env = process.env, cwd, input, deadlineMs = 600_000, log = () => {} } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    let out = '';
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
      all += text;
      log(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      all += text;
      log(text);
    });
    child.stdin.on('error', () => {}); // it ended without reading
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new CommandError(command, error.code, error.message));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else reject(new CommandError(`${command} ${args[0]}`, code ?? signal, all));
    });
  });
}

/** Asks until the answer is neither undefined nor false, or the deadline has passed. */
export async function until(what, ask, deadlineMs = 60_000) {
  const deadline = Date.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const why = last === undefined ? '' : `: ${last.message}`;
      throw new Error(`not within ${deadlineMs / 1000} s: ${what}${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
