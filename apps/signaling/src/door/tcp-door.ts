import type { Server } from 'node:http';
import type { BlockList, Socket } from 'node:net';
import { AddressCounts } from './address-counts.ts';
import { isTrusted, limitKey, plainAddress } from './client-address.ts';

export interface TcpDoorOptions {
  readonly server: Server;
  readonly trustedProxies: BlockList;
  /** Open TCP connections, handshakes and pages included. */
  readonly maxConnections: number;
  /** Of these, how many one address may have that is no trusted proxy; 0: no bound. */
  readonly maxPerAddress: number;
  readonly onRefused: () => void;
}

/**
 * Bounds the TCP connections of a port before any of them has said a word: what opens thousands
 * and stays silent meets its end here, not in the limits of WebSockets.
 */
export class TcpDoor {
  readonly #options: TcpDoorOptions;
  readonly #perAddress: AddressCounts;
  #open = 0;

  constructor(options: TcpDoorOptions) {
    this.#options = options;
    this.#perAddress = new AddressCounts(options.maxPerAddress);
    const { server, maxConnections, onRefused } = options;
    server.maxConnections = maxConnections;
    server.on('drop', onRefused);
    server.on('connection', (socket) => {
      this.#enter(socket);
    });
  }

  /** TCP connections that are open. */
  get open(): number {
    return this.#open;
  }

  #enter(socket: Socket): void {
    this.#open += 1;
    const address = plainAddress(socket.remoteAddress ?? '');
    const key = isTrusted(address, this.#options.trustedProxies) ? '' : limitKey(address);
    const refused = key !== '' && !this.#perAddress.enter(key);
    this.#leaveWith(socket, refused ? '' : key);
    if (!refused) return;
    this.#options.onRefused();
    socket.destroy();
  }

  /** By itself, so that the listener keeps nothing but the key, as long as the connection is open. */
  #leaveWith(socket: Socket, key: string): void {
    socket.on('close', () => {
      this.#open -= 1;
      if (key !== '') this.#perAddress.leave(key);
    });
  }
}
