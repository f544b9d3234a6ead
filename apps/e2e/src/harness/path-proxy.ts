import { createServer, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface PathProxyOptions {
  /** What the proxy shows the service at: `/desk`. */
  readonly path: string;
  /** Whether the service sees that path. */
  readonly keepsPath: boolean;
  /** Where the service is. */
  readonly port: () => number;
}

/** A reverse proxy with a service at one of its paths, and nothing anywhere else. */
export class PathProxy {
  readonly #options: PathProxyOptions;
  readonly #server: Server;
  /** What was asked for, as it came. */
  readonly asked: string[] = [];

  private constructor(options: PathProxyOptions) {
    this.#options = options;
    this.#server = createServer((incoming, response) => {
      const onward = this.#onward(incoming);
      if (onward === undefined) {
        response.writeHead(404).end('nothing here');
        return;
      }
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.writeHead(502).end());
      incoming.pipe(onward);
    });
    this.#server.on('upgrade', (incoming, socket: Duplex, head) => {
      this.#upgrade(incoming, socket, head);
    });
  }

  static async open(options: PathProxyOptions): Promise<PathProxy> {
    const made = new PathProxy(options);
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #onward(incoming: IncomingMessage) {
    const { path, keepsPath, port } = this.#options;
    const url = incoming.url ?? '/';
    this.asked.push(url);
    if (!url.startsWith(`${path}/`) && url !== path) return undefined;
    const rest = url.slice(path.length);
    return request({
      host: '127.0.0.1',
      port: port(),
      method: incoming.method,
      path: keepsPath ? url : rest.startsWith('/') ? rest : `/${rest}`,
      headers: incoming.headers,
    });
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const onward = this.#onward(incoming);
    if (onward === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    onward.on('error', () => socket.destroy());
    onward.on('upgrade', (answer, other, first) => {
      other.on('error', () => socket.destroy());
      socket.on('close', () => other.destroy());
      const lines = answer.rawHeaders.flatMap((name, at, all) =>
        at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : [],
      );
      socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'));
      socket.write(first);
      other.write(head);
      socket.pipe(other).pipe(socket);
    });
    onward.end();
  }
}
