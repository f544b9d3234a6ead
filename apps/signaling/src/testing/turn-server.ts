import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@peerdeck/harness/free-port';

export interface TurnServerOptions {
  readonly secret: string;
  /** A configuration file, or none: then peers on loopback are allowed. */
  readonly file?: string;
  readonly address?: string;
  readonly settings?: readonly string[];
}

/** A real coturn on a free loopback port. */
export class TurnServer {
  readonly port: number;
  readonly address: string;
  /** What it printed. */
  log = '';
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, folder: string, options: TurnServerOptions) {
    const { secret, file, address = '127.0.0.1', settings = [] } = options;
    this.port = port;
    this.address = address;
    this.#folder = folder;
    this.#process = spawn(
      'turnserver',
      [
        ...(file === undefined
          ? ['-n', '--use-auth-secret', '--allow-loopback-peers', '--no-cli']
          : ['-c', file]),
        `--static-auth-secret=${secret}`,
        '--realm=peerdeck.test',
        `--listening-ip=${address}`,
        `--relay-ip=${address}`,
        `--listening-port=${port}`,
        ...['--no-tls', '--no-dtls', '--log-file=stdout'],
        `--pidfile=${join(folder, 'pid')}`,
        `--userdb=${join(folder, 'db')}`,
        ...settings,
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
  }

  static async start(options: TurnServerOptions): Promise<TurnServer> {
    const folder = mkdtempSync(join(tmpdir(), 'peerdeck-turn-'));
    const address = options.address ?? '127.0.0.1';
    const server = new TurnServer(await freePort(address), folder, options);
    try {
      await server.#listening();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  get url(): string {
    const host = this.address.includes(':') ? `[${this.address}]` : this.address;
    return `turn:${host}:${this.port}?transport=udp`;
  }

  async close(): Promise<void> {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    const child = this.#process;
    await new Promise<void>((resolve, reject) => {
      const collect = (data: Buffer) => {
        this.log += data.toString();
        if (/Total General servers/.test(this.log)) resolve();
      };
      child.stdout?.on('data', collect);
      child.stderr?.on('data', collect);
      child.once('error', (error) => {
        const remedy = 'install the package coturn, or put turnserver on the PATH';
        reject(new Error(`turnserver cannot be started (${error.message}): ${remedy}`));
      });
      child.once('exit', (code) => {
        reject(new Error(`turnserver ended with ${code}: ${this.log}`));
      });
    });
  }
}
