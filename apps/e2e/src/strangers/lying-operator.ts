import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { SUBPROTOCOL_V2 } from '@peerdeck/protocol';
import { WebSocket, WebSocketServer } from 'ws';

type Message = Record<string, unknown> & { type: string };

/** One member's connection, and the way on to the true service while the operator is honest. */
interface Line {
  readonly member: WebSocket;
  readonly service: WebSocket | undefined;
  role: string;
  peerId: string;
}

/**
 * Who runs the signaling service, between its clients and the true one: it passes everything on,
 * and says beside it what it likes. Once alone it plays the service itself, and every room is
 * empty there.
 */
export class LyingOperator {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #upstreamPort: number;
  readonly #lines = new Set<Line>();
  #alone = false;
  #joins = 0;

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#server = createServer((request, response) => {
      const { url: path, method, headers } = request;
      const on = httpRequest({ host: '127.0.0.1', port: upstreamPort, path, method, headers });
      on.on('response', (from) => {
        response.writeHead(from.statusCode ?? 502, from.headers);
        from.pipe(response);
      });
      on.on('error', () => response.writeHead(502).end());
      request.pipe(on);
    });
    this.#sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL_V2 });
    this.#server.on('upgrade', (request: IncomingMessage, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (member) => {
        this.#take(member, request);
      });
    });
  }

  static async open(upstreamPort: number): Promise<LyingOperator> {
    const made = new LyingOperator(upstreamPort);
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Members that have joined since the operator is alone. */
  get joins(): number {
    return this.#joins;
  }

  /** Says to each member that each of the others has left, for this reason. */
  tellAllLeft(reason: string): void {
    const lines = [...this.#lines];
    for (const { member, role } of lines) {
      for (const { peerId, role: its } of lines.filter((line) => line.role !== role)) {
        say(member, { type: 'member-left', peerId, role: its, reason });
      }
    }
  }

  /** Ends every connection with this code. */
  closeAll(code: number): void {
    for (const { member, service } of this.#lines) {
      member.close(code, 'because I say so');
      service?.close();
    }
  }

  /** From now on there is no true service behind it. */
  playAlone(): void {
    this.#alone = true;
    this.closeAll(1012);
  }

  async close(): Promise<void> {
    for (const { member, service } of this.#lines) {
      member.terminate();
      service?.terminate();
    }
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(member: WebSocket, request: IncomingMessage): void {
    const service = this.#alone ? undefined : this.#callService(request);
    const line: Line = { member, service, role: '', peerId: '' };
    this.#lines.add(line);
    const early: string[] = [];
    member.on('message', (data: Buffer) => {
      const text = data.toString();
      const message = JSON.parse(text) as Message;
      if (message.type === 'join') line.role = String(message['role']);
      if (service === undefined) this.#answer(line, message);
      else if (service.readyState === WebSocket.OPEN) service.send(text);
      else early.push(text);
    });
    member.on('error', () => {});
    member.on('close', () => {
      this.#lines.delete(line);
      service?.close();
    });
    if (service === undefined) {
      say(member, { type: 'hello', challenge: 'AAAAAAAAAAAAAAAAAAAAAA', server: '0' });
      return;
    }
    service.on('open', () => {
      for (const text of early.splice(0)) service.send(text);
    });
    service.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.type === 'welcome') line.peerId = String(message['peerId']);
      if (member.readyState === WebSocket.OPEN) member.send(data.toString());
    });
    service.on('error', () => {});
    service.on('close', () => member.terminate());
  }

  #callService({ url = '/', headers }: IncomingMessage): WebSocket {
    const address = `ws://127.0.0.1:${this.#upstreamPort}${url}`;
    const origin = headers.origin === undefined ? {} : { origin: headers.origin };
    return new WebSocket(address, [SUBPROTOCOL_V2], origin);
  }

  #answer(line: Line, message: Message): void {
    if (message.type === 'ping') say(line.member, { type: 'pong', id: message['id'] });
    if (message.type !== 'join') return;
    this.#joins += 1;
    say(line.member, {
      type: 'welcome',
      peerId: `made-up-${this.#joins}`,
      role: line.role,
      room: message['room'],
      members: [],
      iceServers: [],
      resume: `made-up-${this.#joins}`,
      resumed: false,
      heartbeatMs: 15_000,
      detachMs: 30_000,
      limits: { messageBytes: 262_144, messagesPer10s: 200, maxMembers: 17 },
    });
  }
}

function say(member: WebSocket, message: Message): void {
  if (member.readyState === WebSocket.OPEN) member.send(JSON.stringify(message));
}
