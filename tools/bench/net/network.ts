import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from '@peerdeck/harness/child';
import { waitUntil } from '@peerdeck/harness/wait';
import { parseLog } from './shaper-log.ts';
import type { ShaperLog } from './shaper-log.ts';
import type { Step } from './step.ts';

export const hostAddress = '10.77.0.1';
export const viewerAddress = '10.77.0.2';

const hostDevice = 'pdhost';
const viewerDevice = 'pdviewer';

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/**
 * The way from this process's namespace (the host's side, see own-namespace.ts) to one of the
 * viewer's, by the shaper. Nothing of it has a name outside: it goes with its processes.
 */
export class ShapedNetwork {
  readonly #directory = mkdtempSync(join(tmpdir(), 'peerdeck-net-'));
  readonly #holder: Child;
  readonly #shaper: Child;

  constructor(program: string, link: readonly Step[], seed: number) {
    // cat waits on stdin: it ends with this process, however that ends
    this.#holder = new Child({ name: 'namespace', command: 'unshare', args: ['--net', 'cat'] });
    const args = ['--down-device', hostDevice, '--up-device', viewerDevice];
    args.push('--link', JSON.stringify(link), '--log', this.#logFile, '--seed', `${seed}`);
    this.#shaper = new Child({ name: 'shaper', command: program, args });
  }

  get #logFile(): string {
    return join(this.#directory, 'shaper.ndjson');
  }

  async ready(): Promise<void> {
    const ours = run('readlink', '/proc/self/ns/net');
    await waitUntil('a namespace for the viewer', 5000, () => {
      return run('readlink', `/proc/${this.#holder.pid}/ns/net`) !== ours;
    });
    await this.#shaper.waitForLine(/^ready$/, 5000);
    run('ip', 'link', 'set', 'lo', 'up');
    this.#exec('ip', 'link', 'set', 'lo', 'up');
    run('ip', 'link', 'set', viewerDevice, 'netns', `${this.#holder.pid}`);
    for (const [exec, device, own, peer] of [
      [run, hostDevice, hostAddress, viewerAddress],
      [this.#exec.bind(this), viewerDevice, viewerAddress, hostAddress],
    ] as const) {
      exec('ip', 'link', 'set', device, 'addrgenmode', 'none');
      exec('ip', 'address', 'add', own, 'peer', peer, 'dev', device);
      exec('ip', 'link', 'set', device, 'txqueuelen', '1000', 'up');
    }
  }

  /** A program that starts `command` with `args`, then its own arguments, at the viewer's side. */
  wrapper(name: string, command: string, ...args: string[]): string {
    const path = join(this.#directory, name);
    const words = ['nsenter', '--target', `${this.#holder.pid}`, '--net', command, ...args];
    writeFileSync(path, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** -> when the script began, CLOCK_MONOTONIC, microseconds. */
  async start(script: readonly Step[]): Promise<number> {
    const from = this.#shaper.logLength;
    this.#shaper.write(JSON.stringify(script));
    const line = await this.#shaper.waitForLine(/^started (\d+)$/, 5000, from);
    return Number(line[1]);
  }

  /** Ends the shaper. -> what it saw. */
  async takeLog(): Promise<ShaperLog> {
    this.#shaper.endInput();
    await this.#shaper.waitForExit(5000);
    return parseLog(readFileSync(this.#logFile, 'utf8'));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#shaper.close();
    await this.#holder.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #exec(command: string, ...args: string[]): string {
    return run('nsenter', '--target', `${this.#holder.pid}`, '--net', command, ...args);
  }
}
