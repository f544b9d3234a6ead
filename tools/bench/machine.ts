import { execFileSync } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

import { chromiumPath } from '@peerdeck/harness/browser';
import { delay } from '@peerdeck/harness/wait';
import { machineTimes } from './cpu.ts';

export interface Computer {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
}

export interface Machine extends Computer {
  chromium: string;
}

function chromiumVersion(): string {
  const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
  return execFileSync(chromiumPath, ['--version'], { encoding: 'utf8', stdio }).trim();
}

export function describeComputer(): Computer {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}

export function describeMachine(): Machine {
  return { ...describeComputer(), chromium: chromiumVersion() };
}

/** Share of the CPUs (0..1) that others use during `ms`; latency figures want this near 0. */
export async function othersLoad(ms: number): Promise<number> {
  const before = machineTimes();
  await delay(ms);
  const after = machineTimes();
  return (after.busy - before.busy) / Math.max(1, after.total - before.total);
}
