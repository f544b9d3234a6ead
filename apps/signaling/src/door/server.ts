import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { BlockList, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { chooseSubprotocol } from './admission.ts';
import { clientAddress } from './client-address.ts';
import { MAX_FRAGMENTS, MAX_READS, type Gateway } from './gateway.ts';
import { listen } from '../base/listening.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { StaticFiles } from './static-files.ts';
import { TcpDoor } from './tcp-door.ts';

export interface FrontServerOptions {
  readonly host: string;
  readonly port: number;
  /** PEM; undefined: plain http and ws. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** undefined: no pages, only WebSockets. */
  readonly files: StaticFiles | undefined;
  readonly gateway: Gateway;
  readonly trustedProxies: BlockList;
  readonly subprotocol: string;
  readonly maxMessageBytes: number;
  readonly handshakeTimeoutMs: number;
  /** Open TCP connections, handshakes and pages included. */
  readonly maxTcp: number;
  /** Of one address that is no trusted proxy; 0: no bound. */
  readonly maxTcpPerAddress: number;
  readonly metrics: Pick<Metrics, 'rejected'>;
  readonly isDraining: () => boolean;
  /** Of the listening socket. */
  readonly onError: (error: Error) => void;
}

/** How long the answer to a close frame is awaited. */
const CLOSE_TIMEOUT_MS = 3000;

/** The port that browsers and hosts use: WebSockets, and the page where there is one. */
export class FrontServer {
  readonly #options: FrontServerOptions;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #tcp: TcpDoor;

  /** Throws for a certificate or a key that cannot be used. */
  constructor(options: FrontServerOptions) {
    this.#options = options;
    const { tls, handshakeTimeoutMs } = options;
    // Whoever sends its headers drop by drop is cut off (the check runs every interval).
    const timeouts = {
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, handshakeTimeoutMs / 2),
      // Whoever asks for HTTP/2 (h2c) gets the page by HTTP/1.1 instead of an error.
      shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
        headers.upgrade?.toLowerCase() === 'websocket',
    };
    const server =
      tls === undefined
        ? createServer(timeouts)
        : createTlsServer({ ...timeouts, ...tls, handshakeTimeout: handshakeTimeoutMs });
    this.#server = server;
    this.#tcp = new TcpDoor({
      server,
      trustedProxies: options.trustedProxies,
      maxConnections: options.maxTcp,
      maxPerAddress: options.maxTcpPerAddress,
      onRefused: () => {
        options.metrics.rejected('tcp');
      },
    });
    const webSocketOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // Connection answers pings: within limits.
      autoPong: false,
      // The same bounds as a Connection has, which says why it closes.
      maxPayload: options.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_READS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (asked: Set<string>) =>
        chooseSubprotocol(asked, { SUBPROTOCOL: options.subprotocol }) ?? false,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
    server.on('request', (request, response) => {
      this.#request(request, response);
    });
    server.on('clientError', (error, socket) => {
      this.#clientError(error, socket);
    });
    server.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
  }

  /** Open TCP connections, handshakes and pages included. */
  get tcp(): number {
    return this.#tcp.open;
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    const { host, port, onError } = this.#options;
    const variables = { host: 'HOST', port: 'WS_PORT' };
    return listen({ server: this.#server, host, port, variables, onError });
  }

  /** No new connections; open WebSockets stay. Idempotent. */
  stopListening(): void {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Idempotent. */
  close(): void {
    this.stopListening();
    this.#server.closeAllConnections();
    this.#webSockets.close();
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const { files, handshakeTimeoutMs } = this.#options;
    // Whoever asks for a page and does not take it. Not for all sockets of the server: those of
    // WebSockets would keep the timer that they have switched off.
    request.socket.setTimeout(handshakeTimeoutMs * 3);
    if (files === undefined) {
      const headers = { 'Content-Type': 'text/plain', Upgrade: 'websocket', Connection: 'Upgrade' };
      response.writeHead(426, headers).end('This port speaks WebSocket\n');
      return;
    }
    files.handle(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#options.isDraining()) {
      this.#options.metrics.rejected('draining');
      socket.on('error', () => {});
      // Its client may keep its own half open for ever.
      socket.once('finish', () => socket.destroy());
      socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n');
      return;
    }
    const { remoteAddress = '' } = request.socket;
    const encrypted = (request.socket as TLSSocket).encrypted === true;
    const address = clientAddress(
      {
        remoteAddress,
        encrypted,
        forwardedFor: headerText(request.headers['x-forwarded-for']),
        forwardedProto: headerText(request.headers['x-forwarded-proto']),
      },
      this.#options.trustedProxies,
    );
    let upgraded = false;
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      upgraded = true;
      this.#options.gateway.accept(webSocket, request, address);
    });
    if (!upgraded) this.#options.metrics.rejected('handshake');
  }

  /** What is no HTTP, is too long or too slow; on a TLS port also what is no TLS. */
  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    // The parser goes on complaining until the socket is gone.
    if (socket.writableEnded) return;
    const { code = '' } = error;
    const http = code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT';
    // A peer that goes away in the middle has done nothing wrong: balancers probe like that.
    if (http) this.#options.metrics.rejected('handshake');
    else if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) {
      this.#options.metrics.rejected('tls');
    }
    // In the middle of an answer another one would be taken for a part of it.
    const silent = (socket as Partial<Socket>).bytesWritten !== 0;
    if (!http || silent || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.once('finish', () => socket.destroy());
    socket.end(`HTTP/1.1 ${STATUS[code] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`);
  }
}

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function headerText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}
