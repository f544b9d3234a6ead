import type { Peer } from './peer.ts';
import { until } from './harness.ts';

const EVERY_MS = 5;

/** Numbered messages of one peer to another, one after the other until `complete`. */
export class Stream {
  readonly #from: Peer;
  readonly #to: Peer;
  readonly #timer: NodeJS.Timeout;
  readonly #name: string;
  #sent = 0;

  constructor(from: Peer, to: Peer) {
    this.#from = from;
    this.#to = to;
    this.#name = `stream-${Math.random()}`;
    this.#timer = setInterval(() => {
      this.#say();
    }, EVERY_MS);
    this.#timer.unref();
  }

  get sent(): number {
    return this.#sent;
  }

  /** The numbers that arrived, in order. */
  get arrived(): number[] {
    return this.#to.received.flatMap(({ type, action }) => {
      const [name, count] = typeof action === 'string' ? action.split(' ') : [];
      return type === 'control' && name === this.#name ? [Number(count)] : [];
    });
  }

  /** Stops, and resolves with the numbers that arrived, once the last one is among them. */
  async stop(): Promise<number[]> {
    clearInterval(this.#timer);
    this.#say();
    await until(() => this.arrived.at(-1) === this.#sent - 1);
    return this.arrived;
  }

  /** Stops, and fails unless each number arrived, once and in order. */
  async complete(): Promise<void> {
    expect(await this.stop()).toEqual(Array.from({ length: this.#sent }, (_unused, each) => each));
  }

  #say(): void {
    if (this.#from.closeCode !== undefined) return;
    this.#from.send({ type: 'control', action: `${this.#name} ${this.#sent}` });
    this.#sent += 1;
  }
}
