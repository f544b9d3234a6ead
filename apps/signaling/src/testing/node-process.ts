import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Peer } from './peer.ts';

interface Ready {
  readonly port: number;
  readonly healthPort: number;
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const OPEN_LIMITS = {
  RATE_LIMIT_MESSAGES_PER_10S: '0',
  RATE_LIMIT_IP_MSGS_PER_10S: '0',
  RATE_LIMIT_ROOM_MSGS_PER_10S: '0',
  RATE_LIMIT_BYTES_PER_10S: '0',
  RATE_LIMIT_IP_BYTES_PER_10S: '0',
  RATE_LIMIT_ROOM_BYTES_PER_10S: '0',
  RATE_LIMIT_CONN_PER_10S: '0',
  MAX_CONNECTIONS_PER_IP: '0',
  RATE_LIMIT_GUESSES_PER_60S: '0',
};

/** A node of the service as a process of its own, on loopback. Owns the process. */
export class NodeProcess {
  readonly port: number;
  readonly healthPort: number;
  /** With what, and when by performance.now(), it ended. */
  readonly ended: Promise<{ code: number | null; at: number }>;
  /** Lines of the log, warnings and worse by default. */
  readonly log: readonly string[];
  readonly #child: ChildProcess;

  private constructor(
    child: ChildProcess,
    { port, healthPort }: Ready,
    ended: NodeProcess['ended'],
    log: string[],
  ) {
    this.#child = child;
    this.port = port;
    this.healthPort = healthPort;
    this.ended = ended;
    this.log = log;
  }

  /** Resolves when it listens. Limits per address are off: all clients of a test have one. */
  static async start(env: Record<string, string> = {}): Promise<NodeProcess> {
    const child = spawn(process.execPath, ['--conditions=@peerdeck/source', MAIN], {
      cwd: tmpdir(),
      env: {
        ...{ PATH: process.env['PATH'], HOST: '127.0.0.1', WS_PORT: '0', HEALTH_PORT: '0' },
        ...{ LOG_LEVEL: 'warn', PRETTY_LOGS: 'false', ...OPEN_LIMITS, ...env },
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const log: string[] = [];
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => void log.push(line));
    }
    let errors = '';
    child.stderr?.on('data', (data: Buffer) => (errors += data.toString()));
    const ended = new Promise<{ code: number | null; at: number }>((resolve) => {
      child.once('exit', (code) => {
        resolve({ code, at: performance.now() });
      });
    });
    const ready = await new Promise<Ready>((resolve, reject) => {
      child.once('message', (message) => {
        resolve(message as Ready);
      });
      child.once('error', reject);
      child.once('exit', (code) => {
        reject(new Error(`the node ended with ${code}: ${errors}`));
      });
    });
    return new NodeProcess(child, ready, ended, log);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** A client of `peerdeck.v2`. */
  v2(): Promise<Peer> {
    return Peer.open(this.url, ['peerdeck.v2']);
  }

  /** A client of the original protocol. */
  original(room: string): Promise<Peer> {
    return Peer.open(`${this.url}/?roomId=${room}`, []);
  }

  /** Asks HEALTH_PORT, and rejects without an answer within 5 s. */
  async ask(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const url = `http://127.0.0.1:${this.healthPort}${path}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return { status: answer.status, text: await answer.text() };
  }

  async ready(): Promise<boolean> {
    return (await this.ask('/readyz')).status === 200;
  }

  async metric(line: string): Promise<number> {
    const { text } = await this.ask('/metrics');
    const found = text.split('\n').find((each) => each.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.slice(line.length + 1));
  }

  /** SIGTERM; resolves with the exit code and how long that took, in milliseconds. */
  async stop(): Promise<{ code: number | null; ms: number }> {
    const started = performance.now();
    this.#child.kill('SIGTERM');
    const { code, at } = await this.ended;
    return { code, ms: at - started };
  }

  /** As when the machine is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** As when the machine stalls: its sockets stay. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.running) await this.kill();
  }
}
