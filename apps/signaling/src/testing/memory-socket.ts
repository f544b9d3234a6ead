import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** A WebSocket without a network: what a client sends is there at once, and so is the answer. */
export class MemorySocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  readonly bufferedAmount = 0;
  isPaused = false;
  readonly sent: string[] = [];
  closeCode: number | undefined;

  /** What the service writes frames to by itself. */
  readonly transport = {
    writableCorked: 0,
    on: () => {},
    prependListener: () => {},
    cork: () => {},
    uncork: () => {},
    write: (frame: Buffer) => {
      const size = (frame[1] ?? 0) & 0x7f;
      const head = size < 126 ? 2 : size === 126 ? 4 : 10;
      this.sent.push(frame.subarray(head).toString('utf8'));
    },
  };

  send(text: string): void {
    this.sent.push(text);
  }

  ping(): void {}

  pong(): void {}

  resume(): void {
    this.isPaused = false;
  }

  pause(): void {
    this.isPaused = true;
  }

  close(code?: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.closeCode = code ?? 1005;
    this.emit('close', this.closeCode);
  }

  terminate(): void {
    this.close(1006);
  }

  /** As when the client sends a text frame. */
  receive(text: string): void {
    this.emit('message', Buffer.from(text), false);
  }

  asTransport(): Duplex {
    return this.transport as unknown as Duplex;
  }

  asWebSocket(): WebSocket {
    return this as unknown as WebSocket;
  }
}

/** The part of a request that the gateway reads. */
export function request(
  url: string,
  socket: MemorySocket['transport'],
  headers: Record<string, string> = {},
): IncomingMessage {
  return { url, headers, socket } as unknown as IncomingMessage;
}
