import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

/** A real redis-server on a free loopback port, with a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #settings: readonly string[];
  readonly #password: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, settings: readonly string[], password: string) {
    this.port = port;
    this.#password = password;
    this.#settings = settings;
    this.#folder = mkdtempSync(join(tmpdir(), 'peerdeck-redis-'));
  }

  /** `password`: what it asks for; '' for nothing. */
  static async start(settings: readonly string[] = [], password = ''): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), settings, password);
    await server.restart();
    return server;
  }

  get url(): string {
    const secret = this.#password === '' ? '' : `:${encodeURIComponent(this.#password)}@`;
    return `redis://${secret}127.0.0.1:${this.port}`;
  }

  /** Starts it again, with nothing in it: it keeps no data on disk. */
  async restart(): Promise<void> {
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const child = spawn(
      'redis-server',
      [
        ...[...where, '--save', '', '--appendonly', 'no', ...this.#settings],
        ...(this.#password === '' ? [] : ['--requirepass', this.#password]),
      ],
      { stdio: 'ignore' },
    );
    this.#process = child;
    const failure = new Promise<never>((_resolve, reject) => {
      child.once('error', (error) => {
        const remedy = 'install the package redis-server, or put redis-server on the PATH';
        reject(new Error(`redis-server cannot be started (${error.message}): ${remedy}`));
      });
      child.once('exit', (code) => {
        reject(new Error(`redis-server ended with ${code}`));
      });
    });
    failure.catch(() => {});
    await Promise.race([answering(this.url), failure]);
  }

  get running(): boolean {
    const child = this.#process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** As when the machine is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.running) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Takes connections and says nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const client = new Redis(this.url);
    try {
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function answering(url: string): Promise<void> {
  const client = new Redis(url, {
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => {});
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}
