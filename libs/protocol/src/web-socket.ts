import { CLOSE } from './close-codes.ts';

/** What the client needs of a WebSocket: the browser's fits, and so does that of `ws`. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  onopen: Handler<unknown> | null;
  onmessage: Handler<{ readonly data: unknown }> | null;
  onclose: Handler<{ readonly code: number; readonly reason: string }> | null;
  onerror: Handler<unknown> | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** Only `ws` has it: ends at once, without the closing handshake. */
  terminate?(): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** Written as a method, so that handlers of the richer DOM and ws events fit too. */
type Handler<Event> = { handle(event: Event): void }['handle'];

export const SOCKET_OPEN = 1;

/** Timers of the environment unless a test gives its own. */
export interface Timers {
  set(callback: () => void, ms: number): unknown;
  clear(handle: unknown): void;
}

export const systemTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => {
    clearTimeout(handle as ReturnType<typeof setTimeout>);
  },
};

/** No handler is null: `ws` throws an error that nobody listens to. */
function silence(socket: SocketLike): void {
  const ignore = () => {};
  socket.onopen = ignore;
  socket.onmessage = ignore;
  socket.onclose = ignore;
  socket.onerror = ignore;
}

/** Lets go of a socket that may be half-open: nobody waits for its closing handshake. */
export function discard(socket: SocketLike): void {
  silence(socket);
  if (socket.terminate !== undefined) socket.terminate();
  else socket.close(CLOSE.reconnecting, 'reconnecting');
}

/** Closes by the handshake, so that what was sent before arrives; waits so long and no longer. */
export function closeGently(socket: SocketLike, timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = timers.set(() => {
      discard(socket);
      resolve();
    }, ms);
    silence(socket);
    socket.onclose = () => {
      timers.clear(timer);
      resolve();
    };
    socket.close(CLOSE.normal, 'left');
  });
}
