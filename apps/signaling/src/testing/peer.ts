import { WebSocket, type ClientOptions } from 'ws';

export interface Message {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A client that remembers all it was told, in order. */
export class Peer {
  readonly socket: WebSocket;
  readonly received: Message[] = [];
  /** Frames as they came. */
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly opened: Promise<void>;
  closeCode: number | undefined;
  #taken = 0;
  #wake: (() => void) | undefined;

  constructor(url: string, protocols: string[], options: ClientOptions = {}) {
    this.socket = new WebSocket(url, protocols, options);
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      const text = (data as Buffer).toString('utf8');
      this.texts.push(text);
      this.received.push(JSON.parse(text) as Message);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.closeCode = code;
        resolve({ code, reason: reason.toString('utf8') });
        this.#wake?.();
      });
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
    this.opened.catch(() => {});
  }

  static async open(url: string, protocols: string[], options?: ClientOptions): Promise<Peer> {
    const peer = new Peer(url, protocols, options);
    await peer.opened;
    return peer;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message not taken yet, of the given type if one is given (others are skipped). */
  async next(type?: string): Promise<Message> {
    for (;;) {
      const message = this.received[this.#taken];
      if (message !== undefined) {
        this.#taken += 1;
        if (type === undefined || message.type === type) return message;
        continue;
      }
      if (this.closeCode !== undefined) {
        throw new Error(`closed with ${this.closeCode} instead of ${type ?? 'a message'}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Joins and answers with the welcome. */
  async join(room: string, role: 'host' | 'viewer', extra: object = {}): Promise<Message> {
    this.send({ type: 'join', room, role, ...extra });
    return this.next('welcome');
  }

  /**
   * Everything the server had written for this client before it read this. The pong of the
   * service comes after all of that, so nothing has to be waited for by time.
   */
  async settle(): Promise<void> {
    const id = Math.floor(Math.random() * 2 ** 40);
    this.send({ type: 'ping', id });
    for (;;) {
      const message = this.received.findLast(
        (candidate) => candidate.type === 'pong' && candidate['id'] === id,
      );
      if (message !== undefined) return;
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  types(): string[] {
    return this.received.map((message) => message.type);
  }
}
