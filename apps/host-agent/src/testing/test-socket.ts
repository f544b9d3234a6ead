import { SUBPROTOCOL_V2, type SocketLike } from '@peerdeck/protocol';

/** The server's end of every socket that a client under test opens, newest last. */
export class TestSignaling {
  readonly sockets: TestSocket[] = [];
  readonly WebSocket: new (url: string, protocols: string[]) => SocketLike;

  constructor() {
    const { sockets } = this;
    this.WebSocket = class extends TestSocket {
      constructor(readonlyUrl: string) {
        super(readonlyUrl);
        sockets.push(this);
      }
    };
  }

  get socket(): TestSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  /** Hello and welcome, as a server that lets the host in. */
  welcome(members: readonly object[] = [], iceServers: readonly object[] = []): void {
    const { socket } = this;
    socket.open();
    socket.says({ type: 'hello', challenge: 'A'.repeat(22), server: 'test' });
    const join = socket.heard('join')[0] as { room: string } | undefined;
    socket.says({
      type: 'welcome',
      peerId: 'host-1',
      role: 'host',
      room: join?.room,
      members,
      iceServers,
      resume: 'token',
      resumed: false,
      heartbeatMs: 15_000,
      detachMs: 10_000,
      limits: { messageBytes: 262_144, messagesPer10s: 200, maxMembers: 16 },
    });
  }
}

export class TestSocket implements SocketLike {
  readonly url: string;
  readonly sent: { type: string }[] = [];
  readonly protocol = SUBPROTOCOL_V2;
  readonly bufferedAmount = 0;
  readyState = 0;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;

  constructor(url: string) {
    this.url = url;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  heard(type: string): { type: string }[] {
    return this.sent.filter((one) => one.type === type);
  }

  lose(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as { type: string });
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState === 3) return;
    queueMicrotask(() => this.lose(code, reason));
  }
}
