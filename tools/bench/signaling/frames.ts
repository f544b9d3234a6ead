import { randomFillSync } from 'node:crypto';

/* WebSocket frames (RFC 6455, 5.2), as much of them as a client needs that counts what it reads. */

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** A whole masked frame, made once and sent as often as wanted. */
export function clientFrame(payload: Buffer, opcode: number = OPCODE.text): Buffer {
  const extended = payload.length > 125 ? 2 : 0;
  if (payload.length > 0xffff) throw new RangeError('longer frames are not needed here');
  const frame = Buffer.alloc(2 + extended + 4 + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended > 0 ? 126 : payload.length);
  if (extended > 0) frame.writeUInt16BE(payload.length, 2);
  const mask = frame.subarray(2 + extended, 6 + extended);
  randomFillSync(mask);
  const body = frame.subarray(6 + extended);
  for (let i = 0; i < payload.length; i++) body[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return frame;
}

export const PONG = clientFrame(Buffer.alloc(0), OPCODE.pong);
/** 1000, normal. */
export const CLOSE_FRAME = clientFrame(Buffer.from([0x03, 0xe8]), OPCODE.close);

/** Splits what a server sends into frames. One per connection. */
export class FrameReader {
  #rest: Buffer | undefined;

  /** `payload` is valid during the call only. The chunk may be reused after `read` returns. */
  read(chunk: Buffer, frame: (opcode: number, payload: Buffer) => void): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      if (left < 2) break;
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (left < head) break;
      const length =
        short === 126
          ? bytes.readUInt16BE(at + 2)
          : short === 127
            ? Number(bytes.readBigUInt64BE(at + 2))
            : short;
      if (left < head + length) break;
      const opcode = (bytes[at] ?? 0) & 0x0f;
      at += head + length;
      frame(opcode, bytes.subarray(at - length, at));
    }
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }
}
