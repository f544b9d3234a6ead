import { SignalingClient } from '@peerdeck/protocol';
import { WebSocket } from 'ws';

/**
 * A member of a room, by the very client that hosts and pages use, that remembers what it heard.
 * Over wss, with `ca` as the only authorities; what it holds later counts for later connections.
 */
export class Peer {
  #client;
  #heard = [];
  #waiting = new Set();

  /** @param {{ url: string, origin: string, ca: Buffer[], room: string, role: 'host' | 'viewer', token?: string, headers?: object }} options */
  constructor({ url, origin, ca, room, role, token, headers = {} }) {
    class Secure extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols, { ca, headers, ...(role === 'viewer' ? { origin } : {}) });
      }
    }
    this.#client = new SignalingClient({
      ...{ url, room, role, WebSocket: Secure },
      ...(token === undefined ? {} : { token }),
    });
    for (const name of ['welcome', 'message', 'state', 'error']) {
      this.#client.on(name, (event) => this.#hear(name, event));
    }
    this.#client.connect();
  }

  get id() {
    return this.#client.welcome?.peerId;
  }

  /** How much was heard so far: where a later `expect` may begin. */
  get mark() {
    return this.#heard.length;
  }

  /** Everything heard from `mark` on: `{ name, event, at }`, with `at` in milliseconds. */
  since(mark) {
    return this.#heard.slice(mark);
  }

  send(message) {
    return this.#client.send(message);
  }

  /** The first thing heard from `mark` on that fits. Rejects after the deadline. */
  expect(what, fits, { mark = 0, deadlineMs = 30_000 } = {}) {
    const find = () => this.#heard.slice(mark).find(({ name, event }) => fits(event, name))?.event;
    return new Promise((resolve, reject) => {
      const look = () => {
        const event = find();
        if (event === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(event);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const last = JSON.stringify(this.#heard.at(-1) ?? 'nothing').slice(0, 200);
        reject(new Error(`not within ${deadlineMs / 1000} s: ${what}; last heard: ${last}`));
      }, deadlineMs);
      this.#waiting.add(look);
      look();
    });
  }

  close() {
    this.#client.close();
  }

  #hear(name, event) {
    this.#heard.push({ name, event, at: performance.now() });
    for (const look of [...this.#waiting]) look();
  }
}
