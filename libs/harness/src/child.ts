import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  /** What it is called in error texts and logs. */
  name: string;
  command: string;
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Sees each line of stdout. */
  onLine?: (line: string) => void;
  /** Opens a message channel (`process.send` in the child) and sees what comes over it. */
  onMessage?: (message: unknown) => void;
}

interface Waiter {
  pattern: RegExp;
  /** Looks at lines from this index of the log on. */
  resolve(match: RegExpMatchArray): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** Lines kept for a failure's report; the oldest go first. */
const logBound = 4000;
const running = new Set<number>();

/** A harness that dies leaves nothing behind: the process is killed when this one ends. */
export function endWithThis(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (running.size === 0) process.once('exit', killRunning);
  running.add(pid);
  child.once('exit', () => {
    running.delete(pid);
    if (running.size === 0) process.off('exit', killRunning);
  });
}

function killRunning(): void {
  for (const pid of running) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}

/** A child process with its log kept, whose end is awaited and never assumed. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiters = new Set<Waiter>();
  #log: string[] = [];
  #dropped = 0;
  #ended = false;

  constructor(options: ChildOptions) {
    const { name, command, args = [], env = process.env, cwd, onLine, onMessage } = options;
    this.name = name;
    this.#process = spawn(command, args, {
      env,
      stdio: ['pipe', 'pipe', 'pipe', ...(onMessage ? (['ipc'] as const) : [])],
      ...(cwd === undefined ? {} : { cwd }),
    });
    const { stdout, stderr, stdin } = this.#process;
    if (onMessage) this.#process.on('message', onMessage);
    endWithThis(this.#process);
    stdin?.on('error', () => {}); // the child ended first; its exit tells why
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#take(line, onLine));
    if (stderr) createInterface({ input: stderr }).on('line', (line) => this.#take(line));
    this.#exited = new Promise((resolve) => {
      const end = (text: string): void => {
        this.#take(`[${text}]`);
        this.#ended = true;
        for (const waiter of this.#waiters) this.#fail(waiter, `${name} ended (${text})`);
        resolve();
      };
      this.#process.once('error', (error) => end(`cannot start ${command}: ${error.message}`));
      this.#process.once('close', (code, signal) => end(`exit ${code ?? signal}`));
    });
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.name} did not start`);
    return pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  /** Everything it wrote, newest last. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** A mark for `waitForLine`: lines from here on. */
  get logLength(): number {
    return this.#dropped + this.#log.length;
  }

  write(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Ends its stdin: what reads commands there has had the last. */
  endInput(): void {
    this.#process.stdin?.end();
  }

  /** The first line that matches, of those from `from` (default: all) on. */
  waitForLine(pattern: RegExp, timeoutMs: number, from = 0): Promise<RegExpMatchArray> {
    for (const line of this.#log.slice(Math.max(0, from - this.#dropped))) {
      const match = line.match(pattern);
      if (match) return Promise.resolve(match);
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(waiter, `${this.name}: no line ${pattern} within ${timeoutMs} ms`),
        timeoutMs,
      );
      const waiter: Waiter = { pattern, resolve, reject, timer };
      this.#waiters.add(waiter);
      if (this.#ended) this.#fail(waiter, `${this.name} has ended`);
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  /** Resolves when the process is gone; rejects if that takes longer. */
  async waitForExit(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const fail = (): void => reject(new Error(`${this.name} still runs after ${timeoutMs} ms`));
      timer = setTimeout(fail, timeoutMs);
    });
    await Promise.race([this.#exited, late]).finally(() => clearTimeout(timer));
  }

  /** SIGTERM, then SIGKILL after five seconds. Idempotent. */
  async close(): Promise<void> {
    this.kill('SIGTERM');
    try {
      await this.waitForExit(5000);
    } catch {
      this.kill('SIGKILL');
      await this.#exited;
    }
  }

  #take(line: string, onLine?: (line: string) => void): void {
    this.#log.push(line);
    if (this.#log.length > logBound) {
      this.#log = this.#log.slice(logBound / 2);
      this.#dropped += logBound / 2;
    }
    onLine?.(line);
    for (const waiter of this.#waiters) {
      const match = line.match(waiter.pattern);
      if (!match) continue;
      this.#forget(waiter);
      waiter.resolve(match);
    }
  }

  #fail(waiter: Waiter, reason: string): void {
    this.#forget(waiter);
    waiter.reject(new Error(`${reason}; its last lines:\n${this.#log.slice(-40).join('\n')}`));
  }

  #forget(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
  }
}
