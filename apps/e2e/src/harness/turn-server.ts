import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from './child.ts';

/** A real coturn on loopback that takes credentials made with a secret. */
export class TurnServer {
  readonly secret: string;
  readonly #port: number;
  readonly #directory: string;
  child: Child;

  private constructor(secret: string, port: number) {
    this.secret = secret;
    this.#port = port;
    this.#directory = mkdtempSync(join(tmpdir(), 'peerdeck-turn-'));
    this.child = this.#spawn();
  }

  static async open(secret: string): Promise<TurnServer> {
    const server = new TurnServer(secret, await freePort());
    try {
      await server.#ready();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** `transport`: between its clients and itself; what it relays is UDP. */
  url(transport: 'udp' | 'tcp'): string {
    return `turn:127.0.0.1:${this.#port}?transport=${transport}`;
  }

  /** As after a crash: it knows of no relay any more. */
  async restart(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.waitForExit(5000);
    this.child = this.#spawn();
    await this.#ready();
  }

  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    await this.child.waitForLine(/Total General servers/, 10_000);
  }

  #spawn(): Child {
    return new Child({
      name: 'turnserver',
      command: 'turnserver',
      cwd: this.#directory,
      args: [
        ...['-n', '--use-auth-secret', `--static-auth-secret=${this.secret}`, '--realm=e2e'],
        ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', '--allow-loopback-peers'],
        ...[`--listening-port=${this.#port}`, '--no-tls', '--no-dtls', '--no-cli', '--verbose'],
        ...['--log-file=stdout', `--pidfile=${this.#directory}/pid`],
        `--userdb=${this.#directory}/db`,
      ],
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
