import { readFileSync, readdirSync } from 'node:fs';

/** Clock ticks a second of /proc/<pid>/stat (sysconf(_SC_CLK_TCK), 100 on every Linux we run on). */
const ticksPerSecond = 100;

interface Stat {
  parent: number;
  /** CPU milliseconds, user and system, all threads. */
  cpuMs: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the command may hold spaces and brackets: fields are counted from its last bracket on
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { parent: Number(fields[1]), cpuMs: (ticks * 1000) / ticksPerSecond };
  } catch {
    return undefined; // ended meanwhile
  }
}

/** The browsers that this process started, with all their helpers. */
export function browserProcesses(): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (!stat) continue;
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  const isBrowser = (pid: number): boolean =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]?.includes('chrom') ?? false;
  const tree = (children.get(process.pid) ?? []).filter(isBrowser);
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** CPU milliseconds that the processes have used so far. */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + (readStat(pid)?.cpuMs ?? 0), 0);
}

/** The share of all CPUs that was busy between two readings; for telling a quiet machine. */
export function machineTimes(): { busy: number; total: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '';
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((a, b) => a + b, 0);
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total };
}
