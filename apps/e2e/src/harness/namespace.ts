import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from '@peerdeck/harness/child';
import { waitUntil } from '@peerdeck/harness/wait';

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/**
 * A network namespace joined to this one by a veth pair: a viewer started inside reaches the host
 * over a wire of its own, and packets can be lost on it. Everything in it goes with it.
 */
export class NetworkNamespace {
  /** The address by which the inside reaches this side. */
  readonly outerAddress: string;
  readonly innerAddress: string;
  readonly #holder: Child;
  readonly #directory = mkdtempSync(join(tmpdir(), 'peerdeck-ns-'));
  readonly #inner: string;

  constructor(holder: Child, subnet: string, inner: string) {
    this.#holder = holder;
    this.#inner = inner;
    this.outerAddress = `${subnet}.1`;
    this.innerAddress = `${subnet}.2`;
  }

  /** A program that starts `command` inside; its arguments pass through. */
  wrapper(command: string): string {
    const path = join(this.#directory, 'inside.sh');
    writeFileSync(
      path,
      `#!/bin/sh\nexec nsenter --target ${this.#holder.pid} --net ${command} "$@"\n`,
    );
    chmodSync(path, 0o755);
    return path;
  }

  /** Loses this share (0..1) of the UDP packets that arrive inside; 0 takes it back. */
  loseArriving(share: number): void {
    this.exec('iptables', '-w', '-F', 'INPUT');
    if (share <= 0) return;
    const match = ['-i', this.#inner, '-p', 'udp', '-m', 'statistic', '--mode', 'random'];
    this.exec('iptables', '-w', '-A', 'INPUT', ...match, '--probability', `${share}`, '-j', 'DROP');
  }

  exec(command: string, ...args: string[]): string {
    return run('nsenter', '--target', `${this.#holder.pid}`, '--net', command, ...args);
  }

  async close(): Promise<void> {
    await this.#holder.close(); // the pair goes with the namespace's last process
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** -> the namespace, or the reason why this machine gives none. */
export async function openNamespace(): Promise<NetworkNamespace | string> {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const tag = `${process.pid % 100_000}`;
  const [outer, inner] = [`pd${tag}o`, `pd${tag}i`];
  const subnet = `10.213.${process.pid % 250}`;
  // cat waits on stdin: it ends with this process, however that ends
  const holder = new Child({ name: 'namespace', command: 'unshare', args: ['--net', 'cat'] });
  const namespace = new NetworkNamespace(holder, subnet, inner);
  try {
    const ours = run('readlink', '/proc/self/ns/net');
    await waitUntil('a namespace of its own', 5000, () => {
      return run('readlink', `/proc/${holder.pid}/ns/net`) !== ours;
    });
    run(
      'ip',
      'link',
      'add',
      outer,
      'type',
      'veth',
      'peer',
      'name',
      inner,
      'netns',
      `${holder.pid}`,
    );
    run('ip', 'address', 'add', `${subnet}.1/30`, 'dev', outer);
    run('ip', 'link', 'set', outer, 'up');
    namespace.exec('ip', 'link', 'set', 'lo', 'up');
    namespace.exec('ip', 'address', 'add', `${subnet}.2/30`, 'dev', inner);
    namespace.exec('ip', 'link', 'set', inner, 'up');
    namespace.loseArriving(0.5);
    namespace.loseArriving(0);
    return namespace;
  } catch (error) {
    await namespace.close();
    const text = error instanceof Error ? error.message : String(error);
    return `no network namespace here (${text.trim().replaceAll('\n', '; ')})`;
  }
}
