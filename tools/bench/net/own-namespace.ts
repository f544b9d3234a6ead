import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const mark = 'PEERDECK_BENCH_INSIDE';

/** Why no network can be made here, or undefined. */
export function missingForNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'network namespaces need root: run it with sudo';
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun is not there: modprobe tun makes it';
  return undefined;
}

export const isInside = (): boolean => process.env[mark] !== undefined;

/**
 * Runs this program again with the same arguments in a network namespace of its own: the host's
 * side, with no other way out. -> its exit code. What is inside ends itself when this process does,
 * however that ends; see `whenToldToEnd`.
 */
export function runInside(): Promise<number> {
  // other work of the machine waits: a starved browser would look like a bad network
  const args = [
    '-n',
    '-15',
    'unshare',
    '--net',
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ];
  const child = spawn('nice', args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [mark]: '1' },
  });
  // a terminal sends Ctrl-C to both, kill to this one only
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill());
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Calls `end` once: on Ctrl-C, on SIGTERM, or when the process outside has gone. */
export function whenToldToEnd(end: () => void): void {
  let told = false;
  const once = (): void => {
    if (told) return;
    told = true;
    end();
  };
  process.on('SIGINT', once);
  process.on('SIGTERM', once);
  process.on('disconnect', once);
  process.channel?.unref();
}
