import { Child } from './child.ts';
import { signalingMain, webClientDist, workspace } from './paths.ts';

export interface SignalingOptions {
  /** 0: any free one. */
  port?: number;
  /** Default: this machine only. */
  host?: string;
  /** Over what suites usually need. */
  env?: Readonly<Record<string, string>> | undefined;
}

/** The signaling service from its source, with the built page. */
export class Signaling {
  readonly child: Child;
  #port = 0;
  #healthPort = 0;

  readonly #host: string;

  constructor({ port = 0, host = '127.0.0.1', env = {} }: SignalingOptions = {}) {
    this.#host = host;
    this.child = new Child({
      name: 'signaling',
      command: process.execPath,
      args: ['--conditions=@peerdeck/source', signalingMain],
      cwd: workspace,
      env: {
        ...process.env,
        NODE_ENV: 'test',
        HOST: host,
        WS_PORT: `${port}`,
        HEALTH_PORT: '0',
        STATIC_DIR: webClientDist,
        REDIS_URL: '',
        // suites come and go faster than people do
        RATE_LIMIT_CONN_PER_10S: '1000',
        RATE_LIMIT_GUESSES_PER_60S: '1000',
        ...env,
      },
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Of /healthz, /readyz and /metrics. */
  get healthPort(): number {
    return this.#healthPort;
  }

  async ready(): Promise<void> {
    const line = await this.child.waitForLine(/"port":(\d+),"healthPort":(\d+)/, 20_000);
    this.#port = Number(line[1]);
    this.#healthPort = Number(line[2]);
  }

  /** Members of rooms whose connection is open. */
  async members(): Promise<number> {
    const response = await fetch(`http://${this.#host}:${this.#healthPort}/metrics`);
    const line = (await response.text()).match(/^signaling_members\{state="connected"\} (\d+)/m);
    return Number(line?.[1] ?? 0);
  }

  close(): Promise<void> {
    return this.child.close();
  }
}
