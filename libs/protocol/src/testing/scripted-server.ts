import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { SUBPROTOCOL_V2 } from '../identifiers.ts';
import type { ServerMessage, Welcome } from '../signaling-messages.ts';

export const ROOM = '0123456789abcdefghjkmnpqrstvwxyz';
export const CHALLENGE = 'A'.repeat(22);

export const welcome: Welcome = {
  type: 'welcome',
  peerId: 'me',
  role: 'viewer',
  room: ROOM,
  members: [{ peerId: 'h', role: 'host', state: 'connected' }],
  iceServers: [],
  resume: 'resume-1',
  resumed: false,
  heartbeatMs: 1000,
  detachMs: 10_000,
  limits: { messageBytes: 100_000, messagesPer10s: 100, maxMembers: 8 },
};

/** Things that arrive and are taken in order, by waiting where needed. */
class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  get size(): number {
    return this.#items.length;
  }

  put(item: T): void {
    const taker = this.#waiting.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** The server's end of one connection: a test reads and writes it by hand. */
export class ServerEnd {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #messages = new Inbox<Record<string, unknown>>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.#messages.put(JSON.parse(String(data)) as Record<string, unknown>);
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /** Messages that nobody has taken. */
  get unread(): number {
    return this.#messages.size;
  }

  next(): Promise<Record<string, unknown>> {
    return this.#messages.take();
  }

  send(message: ServerMessage): void {
    this.socket.send(JSON.stringify(message));
  }
}

/** A real WebSocket server on loopback that does nothing by itself. */
export class ScriptedServer {
  readonly #server: WebSocketServer;
  readonly #accepted = new Inbox<ServerEnd>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#accepted.put(new ServerEnd(socket));
    });
  }

  static async open(subprotocol = SUBPROTOCOL_V2): Promise<ScriptedServer> {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => subprotocol,
    });
    const scripted = new ScriptedServer(server);
    await once(server, 'listening');
    return scripted;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Connections that nobody has taken. */
  get waiting(): number {
    return this.#accepted.size;
  }

  accept(): Promise<ServerEnd> {
    return this.#accepted.take();
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
