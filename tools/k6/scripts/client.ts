import { clearInterval, clearTimeout, setInterval, setTimeout } from 'k6/timers';
import { WebSocket, type MessageEvent, type Params } from 'k6/websockets';
import { now } from './clock.ts';
import { failed, joinMs, joined } from './figures.ts';

export interface Message {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface ClientOptions {
  readonly url: string;
  readonly protocol: 'v2' | 'original';
  readonly room: string;
  readonly role: 'host' | 'viewer';
  readonly token?: string | undefined;
  /** The token of an earlier welcome, for its place. */
  readonly resume?: string | undefined;
  /** Counts a failure and a time to join; off where failing is a part of the scenario. */
  readonly counts?: boolean;
  /** Being cut off once it is in the room is a part of the scenario. */
  readonly mayBeCut?: boolean;
  /** Once: in the room. The original protocol has no welcome: there it is the open connection. */
  readonly onJoined?: (welcome: Message) => void;
  /** `at`: when the message was read from the socket, as `now()` says it. */
  readonly onMessage?: (message: Message, at: number) => void;
  /** Once. `asked`: this side had closed. */
  readonly onClosed?: (asked: boolean) => void;
}

const HEARTBEAT_MS = 10_000;
const JOIN_TIMEOUT_MS = 30_000;

/** One client of the service: joins, keeps its heartbeat, and says what it hears. */
export class Client {
  readonly #options: ClientOptions;
  readonly #socket: WebSocket;
  readonly #startedAt = now();
  #heartbeat: number | undefined;
  #joinTimeout: number | undefined;
  #joined = false;
  #asked = false;
  #closed = false;
  peerId = '';
  resume = '';

  constructor(options: ClientOptions) {
    this.#options = options;
    const { url, protocol, room, token } = options;
    const isV2 = protocol === 'v2';
    const query = `roomId=${room}${token === undefined ? '' : `&token=${token}`}`;
    const params: Params = {
      headers: isV2 ? { 'Sec-WebSocket-Protocol': 'peerdeck.v2' } : {},
      // One series for all rooms, and no token in a name.
      tags: { name: url },
    };
    this.#socket = new WebSocket(isV2 ? url : `${url}/?${query}`, null, params);
    this.#socket.onopen = () => {
      if (isV2) this.#join();
      else this.#welcomed({ type: 'open' });
    };
    this.#socket.onmessage = (event) => {
      if (event !== undefined) this.#received(event);
    };
    this.#socket.onerror = (event) => {
      const expected = this.#joined && options.mayBeCut === true;
      if (!this.#closed && !expected) this.#fail('connection', event?.error ?? 'unknown');
    };
    this.#socket.onclose = () => {
      this.#end();
    };
    this.#joinTimeout = setTimeout(() => {
      this.#fail('join-timeout', `no welcome within ${JOIN_TIMEOUT_MS} ms`);
      this.close(4000);
    }, JOIN_TIMEOUT_MS);
  }

  get isJoined(): boolean {
    return this.#joined && !this.#closed;
  }

  send(message: object): void {
    if (!this.#closed) this.#socket.send(JSON.stringify(message));
  }

  /** Leaves for good: the others are told at once. */
  leave(): void {
    this.#asked = true;
    if (this.#options.protocol === 'v2') this.send({ type: 'leave' });
    else this.#socket.close(1000);
  }

  /** 4000: in order to come back. The others are told when the time for that is over. */
  close(code: number): void {
    this.#asked = true;
    this.#socket.close(code);
  }

  #join(): void {
    const { room, role, token, resume } = this.#options;
    this.send({
      type: 'join',
      room,
      role,
      ...(token === undefined ? {} : { token }),
      ...(resume === undefined ? {} : { resume }),
    });
  }

  #received({ data, timestamp }: MessageEvent): void {
    const message = JSON.parse(String(data)) as Message;
    switch (message.type) {
      case 'hello':
      case 'pong':
        return;
      case 'welcome':
        this.#welcomed(message);
        return;
      case 'error':
        this.#fail(String(message['code']), String(message['message']));
        return;
      default:
        this.#options.onMessage?.(message, timestamp);
    }
  }

  #welcomed(welcome: Message): void {
    if (this.#joined) return;
    this.#joined = true;
    this.peerId = String(welcome['peerId'] ?? '');
    this.resume = String(welcome['resume'] ?? '');
    clearTimeout(this.#joinTimeout ?? 0);
    if (this.#options.counts !== false) {
      joinMs.add(now() - this.#startedAt);
      joined.add(true);
    }
    if (this.#options.protocol === 'v2') {
      const every = Number(welcome['heartbeatMs'] ?? HEARTBEAT_MS);
      this.#heartbeat = setInterval(() => {
        this.send({ type: 'ping', id: 1 });
      }, every);
    }
    this.#options.onJoined?.(welcome);
  }

  #fail(code: string, detail: string): void {
    if (this.#options.counts === false || this.#asked) return;
    if (!this.#joined) joined.add(false);
    failed(code, `${this.#options.role}: ${detail}`);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#heartbeat !== undefined) clearInterval(this.#heartbeat);
    clearTimeout(this.#joinTimeout ?? 0);
    this.#options.onClosed?.(this.#asked);
  }
}
