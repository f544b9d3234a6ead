import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from '@peerdeck/harness/child';
import { freePort } from '@peerdeck/harness/free-port';

/** A real coturn on this machine that takes credentials made with a secret. */
export class TurnServer {
  readonly secret: string;
  readonly #port: number;
  readonly #tlsPort: number;
  readonly #directory: string;
  child: Child;

  private constructor(secret: string, port: number, tlsPort: number) {
    this.secret = secret;
    this.#port = port;
    this.#tlsPort = tlsPort;
    this.#directory = mkdtempSync(join(tmpdir(), 'peerdeck-turn-'));
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const out = ['-keyout', `${this.#directory}/key.pem`, '-out', this.certificate];
    execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, ...name, ...out], {
      stdio: 'ignore',
    });
    this.child = this.#spawn();
  }

  static async open(secret: string): Promise<TurnServer> {
    const server = new TurnServer(secret, await freePort(), await freePort());
    try {
      await server.#ready();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** `transport`: between its clients and itself; what it relays is UDP. */
  url(transport: 'udp' | 'tcp' | 'tls'): string {
    return transport === 'tls'
      ? `turns:localhost:${this.#tlsPort}?transport=tcp`
      : `turn:127.0.0.1:${this.#port}?transport=${transport}`;
  }

  /** The certificate of its TLS port, for localhost, which nobody has signed. */
  get certificate(): string {
    return join(this.#directory, 'cert.pem');
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
        ...['--listening-ip=127.0.0.1', `--relay-ip=${outside()}`, '--allow-loopback-peers'],
        ...[`--listening-port=${this.#port}`, `--tls-listening-port=${this.#tlsPort}`],
        ...[`--cert=${this.certificate}`, `--pkey=${this.#directory}/key.pem`],
        ...['--no-dtls', '--no-cli', '--verbose'],
        ...['--log-file=stdout', `--pidfile=${this.#directory}/pid`],
        `--userdb=${this.#directory}/db`,
      ],
    });
  }
}

/** A browser's own addresses reach it; one on loopback they would not. */
function outside(): string {
  const all = Object.values(networkInterfaces()).flat();
  return all.find((one) => one?.family === 'IPv4' && !one.internal)?.address ?? '127.0.0.1';
}
