import { connect, type Socket } from 'node:net';

/** A frame as RFC 6455, 5.2 has it, right or wrong. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload?: Buffer | string;
  readonly fin?: boolean;
  /** Three bits. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** What the header claims; by default the truth. */
  readonly length?: number | bigint;
}

export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MASK = Buffer.from([0x5a, 0x11, 0xc3, 0x7e]);

export function rawFrame({
  opcode,
  payload = '',
  fin = true,
  reserved = 0,
  masked = true,
  length,
}: RawFrame): Buffer {
  const body = Buffer.from(payload);
  const claimed = BigInt(length ?? body.length);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  let header: Buffer;
  if (claimed < 126n) header = Buffer.from([first, bit | Number(claimed)]);
  else if (claimed < 65_536n) {
    header = Buffer.from([first, bit | 126, 0, 0]);
    header.writeUInt16BE(Number(claimed), 2);
  } else {
    header = Buffer.from([first, bit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(claimed, 2);
  }
  if (!masked) return Buffer.concat([header, body]);
  for (const [index, byte] of body.entries()) body[index] = byte ^ (MASK[index % 4] ?? 0);
  return Buffer.concat([header, MASK, body]);
}

export function upgrade(path: string, headers: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

const V2 = ['Sec-WebSocket-Protocol: peerdeck.v2'];

/** A client below WebSocket: it writes bytes, and reads what the other side says of them. */
export class RawClient {
  readonly socket: Socket;
  /** The other side has closed both ways, or reset. */
  readonly gone: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #isGone = false;

  /** `halfOpen`: it does not close its side when the other one does. */
  constructor(port: number, { halfOpen = false, from = '127.0.0.1' } = {}) {
    const local = { localAddress: from };
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: halfOpen, ...local });
    this.socket.on('error', () => {});
    this.socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake?.();
    });
    this.gone = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#isGone = true;
        resolve();
        this.#wake?.();
      });
    });
  }

  /** A WebSocket of `peerdeck.v2` whose upgrade was answered. */
  static async v2(
    port: number,
    headers: readonly string[] = [],
    from?: string,
  ): Promise<RawClient> {
    const client = new RawClient(port, from === undefined ? {} : { from });
    client.write(upgrade('/', [...V2, ...headers]));
    await client.head();
    return client;
  }

  write(data: string | Buffer): void {
    this.socket.write(data);
  }

  frame(frame: RawFrame): void {
    this.write(rawFrame(frame));
  }

  /** The head of the HTTP answer; '' if there was none before the end. */
  async head(): Promise<string> {
    for (;;) {
      const text = this.#received.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end !== -1) return text.slice(0, end);
      if (this.#isGone) return '';
      await this.#more();
    }
  }

  /** The code of the other side's close frame; undefined if it ends without one. */
  async closeCode(): Promise<number | undefined> {
    return (await this.closeFrame())?.code;
  }

  /** The same with its reason. */
  async closeFrame(): Promise<{ readonly code: number; readonly reason: string } | undefined> {
    for (;;) {
      for (const { opcode, payload } of this.frames()) {
        if (opcode !== OPCODE.close || payload.length < 2) continue;
        return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
      }
      if (this.#isGone) return undefined;
      await this.#more();
    }
  }

  /** Whole frames received so far. */
  frames(): { readonly opcode: number; readonly payload: Buffer }[] {
    const start = this.#received.indexOf('\r\n\r\n');
    const found: { opcode: number; payload: Buffer }[] = [];
    let at = start === -1 ? this.#received.length : start + 4;
    while (at + 2 <= this.#received.length) {
      const opcode = (this.#received[at] ?? 0) & 0x0f;
      let size = (this.#received[at + 1] ?? 0) & 0x7f;
      let header = 2;
      if (size === 126) {
        if (at + 4 > this.#received.length) break;
        size = this.#received.readUInt16BE(at + 2);
        header = 4;
      } else if (size === 127) {
        if (at + 10 > this.#received.length) break;
        size = Number(this.#received.readBigUInt64BE(at + 2));
        header = 10;
      }
      if (at + header + size > this.#received.length) break;
      found.push({ opcode, payload: this.#received.subarray(at + header, at + header + size) });
      at += header + size;
    }
    return found;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
