import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FaultPipe, type Faults } from './fault-pipe.ts';

export type Direction = 'up' | 'down';

/**
 * A line over TCP that can be made bad: clients connect to `port`, and what they send goes to
 * `target`. Faults hold for open connections too, from the moment they are set. Owns its sockets.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #target: () => number;
  readonly #lines = new Set<Line>();
  readonly #faults: Record<Direction, Faults> = { up: {}, down: {} };
  /** Bytes that blackholes took. */
  swallowed = 0;
  #refusing = false;
  #closed = false;

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket);
    });
  }

  /** `target`: a loopback port, or where each new connection asks for one. */
  static async open(target: number | (() => number)): Promise<FaultProxy> {
    const proxy = new FaultProxy(typeof target === 'number' ? () => target : target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#lines.size;
  }

  /** `up` is from client to target. Takes the place of the faults that were set before. */
  set(faults: Faults, direction: Direction | 'both' = 'both'): void {
    for (const each of ['up', 'down'] as const) {
      if (direction !== 'both' && direction !== each) continue;
      this.#faults[each] = faults;
      for (const line of this.#lines) line.set(each, faults);
    }
  }

  /**
   * Half-open for good: nothing of these connections arrives any more, either way, while new ones
   * work. `which`: by their ports as the target sees them; by default all.
   */
  strand(which: (port: number) => boolean = () => true): void {
    for (const line of this.#lines) if (which(line.port)) line.strand();
  }

  /** All is well again, for new connections; those of which a blackhole took something are cut. */
  heal(): void {
    this.#refusing = false;
    this.set({});
  }

  /** Resets every open connection. */
  reset(): void {
    for (const line of this.#lines) line.reset();
  }

  /** Resets every connection, and every new one until `heal`. */
  refuse(): void {
    this.#refusing = true;
    this.reset();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const ended = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await ended;
  }

  #accept(client: Socket): void {
    if (this.#refusing || this.#closed) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const server = connect({
      ...{ port: this.#target(), host: '127.0.0.1' },
      ...{ allowHalfOpen: true, noDelay: true },
    });
    const line: Line = new Line(client, server, {
      onGone: () => this.#lines.delete(line),
      onSwallowed: (bytes) => (this.swallowed += bytes),
    });
    this.#lines.add(line);
    for (const each of ['up', 'down'] as const) line.set(each, this.#faults[each]);
  }
}

interface LineListener {
  onGone(): void;
  onSwallowed(bytes: number): void;
}

/** One connection, both ways. */
class Line {
  readonly #pipes: Readonly<Record<Direction, FaultPipe>>;
  readonly #sockets: readonly [Socket, Socket];
  readonly #listener: LineListener;
  #gone = false;

  constructor(client: Socket, server: Socket, listener: LineListener) {
    this.#sockets = [client, server];
    this.#listener = listener;
    const pipe = (from: Socket, to: Socket) =>
      new FaultPipe(
        from,
        to,
        () => this.reset(),
        (bytes) => listener.onSwallowed(bytes),
      );
    this.#pipes = { up: pipe(client, server), down: pipe(server, client) };
    for (const [index, socket] of this.#sockets.entries()) {
      const line = index === 0 ? this.#pipes.up : this.#pipes.down;
      socket.on('error', () => {});
      // Nobody is told of an end whose news a blackhole takes.
      socket.on('close', (failed) => {
        if (failed && !line.blackhole) this.reset();
        else if (this.#sockets.every(({ destroyed }) => destroyed)) this.reset();
      });
    }
  }

  set(direction: Direction, faults: Faults): void {
    this.#pipes[direction].set(faults);
  }

  strand(): void {
    for (const pipe of Object.values(this.#pipes)) pipe.strand();
  }

  /** The port of its own end towards the target. */
  get port(): number {
    return this.#sockets[1].localPort ?? 0;
  }

  /** Idempotent. */
  reset(): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const pipe of Object.values(this.#pipes)) pipe.close();
    for (const socket of this.#sockets) {
      // Node leaks a socket that is reset after its own end.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#listener.onGone();
  }
}
