import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './harness.ts';

export interface PrometheusOptions {
  /** Addresses of /metrics, by job. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** A file of rules. */
  readonly rules: string;
}

/** A real Prometheus on a free loopback port, with a folder of its own. It scrapes every second. */
export class PrometheusServer {
  readonly url: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(url: string, folder: string, child: ChildProcess) {
    this.url = url;
    this.#folder = folder;
    this.#process = child;
  }

  static async start({ targets, rules }: PrometheusOptions): Promise<PrometheusServer> {
    const folder = mkdtempSync(join(tmpdir(), 'peerdeck-prometheus-'));
    const file = join(folder, 'prometheus.json');
    // YAML is a superset of JSON.
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
        job_name: job,
        static_configs: [{ targets: addresses }],
      })),
    };
    writeFileSync(file, JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      'prometheus',
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: 'ignore' },
    );
    const server = new PrometheusServer(`http://${address}`, folder, child);
    let fault: string | undefined;
    child.once('error', (error) => {
      fault = `prometheus cannot be started (${error.message}): install the package prometheus`;
    });
    child.once('exit', (code) => {
      fault ??= `prometheus ended with ${code}`;
    });
    await until(async () => {
      if (fault !== undefined) throw new Error(fault);
      const ready = await fetch(`${server.url}/-/ready`).catch(() => undefined);
      return ready?.ok === true;
    });
    return server;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
