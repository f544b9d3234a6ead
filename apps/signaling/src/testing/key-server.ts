import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** An issuer's key set on a free loopback port, over real HTTP. */
export class KeyServer {
  readonly #server: Server;
  /** What is answered; a test may change it. */
  status = 200;
  body: string | undefined;
  headers: Record<string, string> = {};
  /** While set, questions get no answer. */
  silent = false;
  keys: object[] = [];
  asked = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (_request, response) => {
      this.asked += 1;
      if (this.silent) return;
      response.writeHead(this.status, { 'Content-Type': 'application/json', ...this.headers });
      response.end(this.body ?? JSON.stringify({ keys: this.keys }));
    });
  }

  static async start(): Promise<KeyServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new KeyServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  /** Publishes a new key and answers with its private half. */
  publish(kid: string, alg: 'ES256' | 'RS256' = 'ES256'): KeyObject {
    const { publicKey, privateKey } =
      alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.keys.push({ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });
    return privateKey;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
