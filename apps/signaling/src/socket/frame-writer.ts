import type { Duplex } from 'node:stream';

/**
 * Writes text frames (RFC 6455, unmasked, in one piece) to the sockets of WebSockets. `ws` would
 * write a frame in two parts and at once; here it is one, and all that a turn of the event loop
 * has for a socket goes out in one system call: the write is most of what a message costs. Only
 * between whole messages of `ws`, which writes synchronously where nothing is compressed.
 *
 * One for all sockets of a node. Keeps no socket beyond the turn.
 */
export class FrameWriter {
  #held: Duplex[] = [];

  write(socket: Duplex, text: string): void {
    if (socket.writableCorked === 0) {
      socket.cork();
      if (this.#held.push(socket) === 1) process.nextTick(this.#release);
    }
    socket.write(textFrame(text));
  }

  readonly #release = (): void => {
    const held = this.#held;
    this.#held = [];
    for (const socket of held) socket.uncork();
  };
}

/** The frame of a text of at most 4 GiB. */
export function textFrame(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const head = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + size);
  // The last and only part of a text.
  frame[0] = 0x81;
  if (head === 2) frame[1] = size;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(size, 6);
  }
  frame.write(text, head);
  return frame;
}
