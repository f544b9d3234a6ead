import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Cores that the load and what it loads are kept to; undefined: the kernel chooses. */
export interface Pins {
  readonly load: number | undefined;
  readonly servers: number | undefined;
}

/** One core each, where there are two and `taskset` to say so. */
export function choosePins(cores: number): Pins {
  const there = cores > 1 && spawnSync('taskset', ['-V'], { stdio: 'ignore' }).status === 0;
  return there ? { load: 1, servers: 0 } : { load: undefined, servers: undefined };
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly core: number | undefined;
  /** A file descriptor for its output; by default it has none. */
  readonly output?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Whether it speaks by IPC. */
  readonly ipc: boolean;
}

/** Ends with this process at the latest. */
export function startChild(options: ChildOptions): ChildProcess {
  const { command, args, core, ipc, output = 'ignore', env = {}, cwd } = options;
  const pinned =
    core === undefined ? [command, ...args] : ['taskset', '-c', `${core}`, command, ...args];
  const [program = command, ...rest] = pinned;
  const child = spawn(program, rest, {
    stdio: ['ignore', output, 'inherit', ...(ipc ? (['ipc'] as const) : [])],
    // figures may be NaN, which JSON does not know
    serialization: 'advanced',
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

/** The first message of the child. @throws where it ends before it says something. */
export async function firstMessage<T>(child: ChildProcess, name: string): Promise<T> {
  const waiting = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: waiting.signal }).then(([message]) => message as T),
      once(child, 'exit', { signal: waiting.signal }).then(([code]) => {
        throw new Error(`${name} ended with ${String(code)} before it was ready`);
      }),
    ]);
  } finally {
    waiting.abort();
  }
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
