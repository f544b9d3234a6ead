import { connect, type Socket } from 'node:net';

import { CLOSE_FRAME, FrameReader, OPCODE, PONG } from './frames.ts';

export interface WireOptions {
  readonly port: number;
  readonly path: string;
  /** Whole lines, each with its line end. */
  readonly headers: string;
  /** Each text frame; valid during the call only. */
  readonly text: (payload: Buffer) => void;
  readonly open: () => void;
  /** Once; `reason` undefined: as asked for by `close`. */
  readonly ended: (reason: string | undefined) => void;
  /** One of the loopback's own addresses. */
  readonly localAddress: string;
}

/** All sockets read into it, one after the other: what is read is used up before the next read. */
const shared = Buffer.alloc(256 * 1024);
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/**
 * A WebSocket client that costs as little as can be: whole frames are written as they are, and
 * those that come are only told apart. It does not check what a real client has to.
 */
export class WireClient {
  readonly #options: WireOptions;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  #head: string | undefined = '';
  #closing = false;
  #over = false;

  constructor(options: WireOptions) {
    this.#options = options;
    const { port, path, headers, localAddress } = options;
    this.#socket = connect({
      ...{ host: '127.0.0.1', port, localAddress, noDelay: true },
      onread: { buffer: shared, callback: (size) => this.#read(shared.subarray(0, size)) },
    });
    this.#socket.on('connect', () => {
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`,
      );
    });
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', () => this.#end('closed by the server'));
  }

  write(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** With a close frame; `ended` follows when the server has answered. */
  close(): void {
    if (this.#over) return;
    this.#closing = true;
    this.#socket.write(CLOSE_FRAME);
  }

  /** At once, with a reset, which leaves no port waiting. */
  destroy(): void {
    this.#closing = true;
    this.#socket.resetAndDestroy();
  }

  #read(chunk: Buffer): boolean {
    if (this.#head === undefined) {
      this.#reader.read(chunk, this.#frame);
      return true;
    }
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) return true;
    const ok = this.#head.startsWith('HTTP/1.1 101 ');
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1');
    if (!ok) {
      this.#end(this.#head.slice(0, this.#head.indexOf('\r\n')));
      this.#socket.destroy();
      return true;
    }
    this.#head = undefined;
    this.#options.open();
    if (rest.length > 0) this.#reader.read(rest, this.#frame);
    return true;
  }

  readonly #frame = (opcode: number, payload: Buffer): void => {
    if (opcode === OPCODE.text) this.#options.text(payload);
    else if (opcode === OPCODE.ping) this.#socket.write(PONG);
    else if (opcode === OPCODE.close) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#end(`closed with ${code} ${payload.subarray(2).toString()}`);
      this.#socket.end();
    }
  };

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.ended(this.#closing ? undefined : reason);
  }
}
