import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChildServer } from './child-server.ts';
import { freePort } from './free-port.ts';

export interface PrometheusOptions {
  /** Addresses of /metrics, by job. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** A file of rules. */
  readonly rules: string;
}

/** A real Prometheus on a free loopback port. It scrapes every second. */
export class PrometheusServer {
  readonly url: string;
  readonly #child: ChildServer;

  private constructor(url: string, child: ChildServer) {
    this.url = url;
    this.#child = child;
  }

  static async start({ targets, rules }: PrometheusOptions): Promise<PrometheusServer> {
    // YAML is a superset of JSON.
    const config = JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
        job_name: job,
        static_configs: [{ targets: addresses }],
      })),
    });
    const address = `127.0.0.1:${await freePort()}`;
    const child = await ChildServer.start({
      command: 'prometheus',
      name: 'prometheus',
      args: (folder) => {
        const file = join(folder, 'prometheus.json');
        writeFileSync(file, config);
        return [
          `--config.file=${file}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=${address}`,
        ];
      },
      readyUrl: `http://${address}/-/ready`,
    });
    return new PrometheusServer(`http://${address}`, child);
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
