import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

import { webClientDist } from '@peerdeck/harness/paths';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The built page in a folder of a web server that knows nothing of signaling. */
export class PageServer {
  readonly #server: Server;
  /** What config.json beside index.html says; undefined: there is none. */
  config: object | undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://here').pathname.replace(/^\/viewer\//, '');
      if (path === 'config.json') {
        response.writeHead(this.config === undefined ? 404 : 200);
        response.end(this.config === undefined ? '' : JSON.stringify(this.config));
        return;
      }
      const name = path === '' ? 'index.html' : normalize(path);
      readFile(join(webClientDist, name)).then(
        (body) => {
          response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'text/plain' });
          response.end(body);
        },
        () => response.writeHead(404).end(),
      );
    });
  }

  static async open(): Promise<PageServer> {
    const made = new PageServer();
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The address of the page. */
  get url(): string {
    return `${this.origin}/viewer/`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }
}
