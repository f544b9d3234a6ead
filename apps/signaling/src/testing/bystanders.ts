import { roomId, until } from './harness.ts';
import type { Message, Peer } from './peer.ts';

export interface BystanderOptions {
  readonly room?: string;
  /** For a service that asks for one: both roles, any room. */
  readonly token?: string;
  /** Between two rounds: what is tested should get most of the time, and limits be kept. */
  readonly pauseMs?: number | undefined;
}

/** A service, in this process or in one of its own. */
export interface Watched {
  readonly log: readonly string[];
  v2(): Promise<Peer>;
  metric(line: string): Promise<number>;
}

/**
 * Two members of a room of their own, who go on talking while something bad happens beside them:
 * a viewer counts, its host repeats every number, and both check that none is missing, twice or
 * early.
 */
export class Bystanders {
  readonly #server: Watched;
  readonly #host: Peer;
  readonly #viewer: Peer;
  readonly #viewerId: unknown;
  #rounds = 0;
  #fault: Error | undefined;
  #stopped = false;
  #longestMs = 0;

  private constructor(server: Watched, host: Peer, viewer: Peer, viewerId: unknown) {
    this.#server = server;
    this.#host = host;
    this.#viewer = viewer;
    this.#viewerId = viewerId;
  }

  static async start(
    server: Watched,
    { room = roomId('777'), pauseMs = 2, token }: BystanderOptions = {},
  ): Promise<Bystanders> {
    const host = await server.v2();
    const extra = token === undefined ? {} : { token };
    await host.join(room, 'host', extra);
    const viewer = await server.v2();
    const { peerId } = await viewer.join(room, 'viewer', extra);
    await host.next('member-joined');
    const bystanders = new Bystanders(server, host, viewer, peerId);
    bystanders.#talk(pauseMs).catch((error: unknown) => {
      bystanders.#fault = error as Error;
    });
    return bystanders;
  }

  get rounds(): number {
    return this.#rounds;
  }

  /** The slowest round so far, in milliseconds: what one turn of somebody else may cost. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Resolves when a round has been made since there were `before`; rejects if one went wrong. */
  async goOn(before: number): Promise<void> {
    await until(() => this.#fault !== undefined || this.#rounds > before);
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** What a test that breaks connections of its own is to leave: nothing but these two. */
  async unharmed(): Promise<void> {
    await this.goOn(this.#rounds + 1);
    const gauge = (name: string) => this.#server.metric(`signaling_${name}`);
    await until(async () => (await gauge('connections{protocol="v2"}')) === 2);
    await until(async () => (await gauge('connections{protocol="original"}')) === 0);
    await until(async () => (await gauge('tcp_connections')) === 2);
    expect(await gauge('connections_pending')).toBe(0);
    expect(this.#server.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#viewer.socket.terminate();
    this.#host.socket.terminate();
    await Promise.all([this.#viewer.closed, this.#host.closed]);
  }

  async #talk(pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const action = String(this.#rounds);
      const started = performance.now();
      this.#viewer.send({ type: 'control', action });
      check(await this.#host.next(), action);
      this.#host.send({ type: 'control', action, to: this.#viewerId });
      check(await this.#viewer.next(), action);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - started);
      this.#rounds += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function check(message: Message, action: string): void {
  if (message.type !== 'control' || message['action'] !== action) {
    throw new Error(`a bystander expected ${action} and got ${JSON.stringify(message)}`);
  }
}
