import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChildServer } from './child-server.ts';
import { freePort } from './free-port.ts';

/** A real HAProxy before some servers, with its metrics, on free loopback ports. */
export class HaProxy {
  /** Of /metrics. */
  readonly address: string;
  readonly #child: ChildServer;

  private constructor(address: string, child: ChildServer) {
    this.address = address;
    this.#child = child;
  }

  static async start(servers: readonly string[]): Promise<HaProxy> {
    const address = `127.0.0.1:${await freePort()}`;
    const lines = [
      ...['defaults', 'mode http', 'timeout connect 2s', 'timeout client 5s', 'timeout server 5s'],
      ...['frontend watch', `bind ${address}`],
      'http-request use-service prometheus-exporter if { path /metrics }',
      // The name of the deployment's last resort, which an alert asks for.
      ...['default_backend outage', 'backend outage'],
      ...servers.map((server, index) => `server node-${index} ${server} check`),
    ];
    const child = await ChildServer.start({
      command: 'haproxy',
      name: 'haproxy',
      args: (folder) => {
        const file = join(folder, 'haproxy.cfg');
        writeFileSync(file, `${lines.join('\n')}\n`);
        return ['-db', '-f', file];
      },
      readyUrl: `http://${address}/metrics`,
    });
    return new HaProxy(address, child);
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
