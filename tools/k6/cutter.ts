import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** After how long a connection is cut, milliseconds: somewhere between. */
const CUT_AFTER_MS = { least: 50, most: 500 };

/** Stands before a node and cuts each connection after a while, as a network that is gone does. */
export class Cutter {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port of the node, on this machine */
  static async open(port: number): Promise<Cutter> {
    const server = createServer();
    const cutter = new Cutter(server);
    server.on('connection', (client) => {
      cutter.#serve(client, connect(port, '127.0.0.1'));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return cutter;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Idempotent. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(client: Socket, node: Socket): void {
    const both = [client, node];
    const { least, most } = CUT_AFTER_MS;
    const timer = setTimeout(
      () => {
        for (const socket of both) socket.resetAndDestroy();
      },
      least + Math.random() * (most - least),
    );
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(timer);
        this.#sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    client.pipe(node);
    node.pipe(client);
  }
}
