import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { delay } from '@peerdeck/harness/wait';
import { startChild, stopChild } from './child.ts';
import { freePort } from '@peerdeck/harness/free-port';

/** A redis-server of the bench's own, with nothing on disk. */
export class BenchRedis {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** @throws where redis-server is not there or does not answer. */
  static async start(core: number | undefined): Promise<BenchRedis> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'peerdeck-bench-redis-'));
    const child = startChild({
      command: 'redis-server',
      args: [
        '--port',
        `${port}`,
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '',
        '--appendonly',
        'no',
      ],
      core,
      ipc: false,
    });
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    child.once('exit', (code) => (failure ??= new Error(`it ended with ${code}`)));
    const redis = new BenchRedis(port, child, folder);
    for (let tries = 0; tries < 100 && failure === undefined; tries++) {
      if ((await ask(port, 'PING').catch(() => '')).startsWith('+PONG')) return redis;
      await delay(50);
    }
    await redis.close();
    throw new Error(`redis-server: ${failure?.message ?? 'does not answer'}`);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Commands done so far, those inside scripts included. */
  async commands(): Promise<number> {
    const text = await ask(this.port, 'INFO commandstats');
    let total = 0;
    for (const [, name = '', calls] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
      if (name !== 'info' && name !== 'ping') total += Number(calls);
    }
    return total;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await stopChild(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The whole answer to one inline command. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(`${command}\r\nQUIT\r\n`);
  });
}
