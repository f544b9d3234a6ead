import { Cluster, type Redis } from 'ioredis';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { Breaker } from './breaker.ts';
import { createClient } from './client.ts';
import type { RedisMetrics } from './metrics.ts';
import { Revival } from './revival.ts';
import { SEPARATOR } from './wire.ts';

export interface LinkOptions {
  readonly urls: readonly string[];
  readonly cluster: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: () => RedisMetrics;
  /** How long an answer is awaited, milliseconds. */
  readonly timeoutMs: number;
  /** The channel of this node. */
  readonly channel: string;
  readonly onItem: (text: string) => void;
  /** Connected, again or for the first time. */
  readonly onReady: () => void;
  /** The channel was away: what came meanwhile is lost. */
  readonly onGap: () => void;
  readonly onError: (error: Error) => void;
}

/** A command that was not answered. It may have been done, or may yet be. */
export class RedisUnavailable extends Error {}

/** Bytes of frames under way to Redis; more, and frames are dropped and counted. */
const MAX_UNANSWERED_BYTES = 32 * 2 ** 20;
const BREAKER = { failures: 3, openMs: 200, maxOpenMs: 3000 };

/**
 * The way to Redis: commands with a deadline behind a circuit breaker, messages without waiting,
 * and the node's own channel. Owns its connections.
 */
export class Link {
  readonly breaker: Breaker;
  readonly #options: LinkOptions;
  readonly #client: Redis | Cluster;
  readonly #subscriber: Redis | Cluster;
  readonly #revivals: { readonly client: Revival; readonly subscriber: Revival };
  /** What goes out in this turn of the event loop, by channel. */
  readonly #outgoing = new Map<string, string[]>();
  #flushing = false;
  #unanswered = 0;
  #subscribed = false;
  #beat = 0;
  #heard = 0;
  /** When the last beat went out, by the clock. */
  #beatAt = 0;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.breaker = new Breaker({
      ...BREAKER,
      now: () => clock.now(),
      fraction: () => random.fraction(),
    });
    const shared = {
      urls: options.urls,
      cluster: options.cluster,
      connectTimeoutMs: options.timeoutMs * 2,
      onError: options.onError,
    };
    this.#client = createClient({ ...shared, onReady: () => this.#ready() });
    this.#subscriber = createClient({ ...shared, onReady: () => this.#subscribe() });
    const revival = (client: Redis | Cluster) =>
      new Revival({ client, clock, patienceMs: options.timeoutMs * 2 });
    this.#revivals = { client: revival(this.#client), subscriber: revival(this.#subscriber) };
    this.#subscriber.on('message', (_channel: string, text: string) => {
      this.#received(text);
    });
    this.#subscriber.on('close', () => {
      this.#subscribed = false;
    });
  }

  /** Whether the node's channel is live, as far as is known. */
  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** Begins to connect, and goes on trying until `close`. */
  start(): void {
    for (const client of [this.#client, this.#subscriber]) client.connect().catch(() => {});
  }

  /**
   * @param purpose for the metrics: one of few
   * @param probe goes through where the breaker waits to be tried
   * @throws {RedisUnavailable} at the latest after the timeout.
   * Errors of Redis itself (a wrong command) come as they are.
   */
  async command(
    purpose: string,
    name: string,
    args: readonly (string | number)[],
    probe = false,
  ): Promise<unknown> {
    const { metrics, clock } = this.#options;
    if (!(probe ? this.breaker.probe() : this.breaker.closed)) {
      throw new RedisUnavailable('the breaker is open');
    }
    metrics().sent(purpose);
    const started = clock.now();
    try {
      const answer = await this.#withDeadline(this.#client.call(name, ...args));
      this.#succeeded();
      metrics().took(purpose, clock.now() - started);
      return answer;
    } catch (error) {
      if (isAnswer(error)) {
        this.#succeeded();
        throw error;
      }
      metrics().failed(purpose);
      this.#failed();
      throw new RedisUnavailable(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * The same command for several keys at once, each of one key only. Answers in their order; an
   * Error where Redis refused, or, in a cluster, where that key's server has no answer in time.
   * @throws {RedisUnavailable} if none of them is answered.
   */
  async commands(
    purpose: string,
    name: string,
    calls: readonly (readonly (string | number)[])[],
  ): Promise<unknown[]> {
    const { metrics, clock } = this.#options;
    if (!this.breaker.closed) throw new RedisUnavailable('the breaker is open');
    calls.forEach(() => metrics().sent(purpose));
    const started = clock.now();
    const answers = await this.#together(name, calls);
    const lost = answers.filter((answer) => answer instanceof Error && !isAnswer(answer));
    lost.forEach(() => metrics().failed(purpose));
    const [first] = lost;
    if (first instanceof Error && lost.length === answers.length) {
      this.#failed();
      throw new RedisUnavailable(first.message);
    }
    this.#succeeded();
    metrics().took(purpose, clock.now() - started);
    return answers;
  }

  /** Hands an item on. What the same turn of the event loop has for a channel goes as one message. */
  publish(channel: string, item: string): void {
    if (this.#closed) return;
    const items = this.#outgoing.get(channel);
    if (items === undefined) this.#outgoing.set(channel, [item]);
    else items.push(item);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.flush();
    });
  }

  flush(): void {
    this.#flushing = false;
    for (const [channel, items] of this.#outgoing) this.#send(channel, items);
    this.#outgoing.clear();
  }

  /** Speaks to itself: who hears nothing of that has a channel in name only. */
  beat(): void {
    if (!this.#subscribed || this.#heard !== this.#beat) this.#revivals.subscriber.check();
    if (!this.#subscribed) return;
    this.#beat += 1;
    this.#beatAt = this.#options.clock.now();
    this.publish(this.#options.channel, `h${this.#beat}`);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#client.disconnect();
    this.#subscriber.disconnect();
  }

  #failed(): void {
    this.breaker.failed();
    if (!this.breaker.closed) this.#revivals.client.check();
  }

  #succeeded(): void {
    this.#revivals.client.heard();
    this.breaker.succeeded();
  }

  #ready(): void {
    if (this.#closed) return;
    this.breaker.hint();
    this.#options.onReady();
  }

  #subscribe(): void {
    if (this.#closed) return;
    this.#subscriber.subscribe(this.#options.channel).then(
      () => {
        this.#subscribed = true;
        this.#revivals.subscriber.heard();
        this.#options.onGap();
      },
      (error: unknown) => {
        this.#options.onError(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  #received(text: string): void {
    for (const item of text.split(SEPARATOR)) {
      if (!item.startsWith('h')) {
        this.#options.onItem(item);
        continue;
      }
      this.#revivals.subscriber.heard();
      const beat = Number(item.slice(1));
      const gap = beat > this.#heard + 1;
      this.#heard = beat;
      const { metrics, clock } = this.#options;
      if (beat === this.#beat) metrics().channelTook(clock.now() - this.#beatAt);
      if (gap) this.#options.onGap();
    }
  }

  #send(channel: string, items: readonly string[]): void {
    const { metrics } = this.#options;
    const payload = items.join(SEPARATOR);
    const bytes = Buffer.byteLength(payload);
    const publisher = this.#publisher();
    if (
      publisher === undefined ||
      !this.breaker.closed ||
      this.#unanswered + bytes > MAX_UNANSWERED_BYTES
    ) {
      metrics().dropped(frames(items));
      return;
    }
    metrics().sent('publish');
    this.#unanswered += bytes;
    publisher.publish(channel, payload).then(
      (receivers) => {
        this.#unanswered -= bytes;
        // In a cluster a server knows of its own subscribers only.
        if (receivers === 0 && publisher === this.#client) metrics().dropped(frames(items));
      },
      (error: unknown) => {
        this.#unanswered -= bytes;
        metrics().failed('publish');
        metrics().dropped(frames(items));
        if (!isAnswer(error)) this.breaker.failed();
      },
    );
  }

  /** In one write where there is one server; in a cluster each key has its own. Never rejects. */
  async #together(
    name: string,
    calls: readonly (readonly (string | number)[])[],
  ): Promise<unknown[]> {
    const client = this.#client;
    if (client instanceof Cluster) {
      const one = (call: readonly (string | number)[]) =>
        this.#withDeadline(client.call(name, ...call)).catch(asError);
      return Promise.all(calls.map(one));
    }
    const pipeline = client.pipeline();
    for (const call of calls) pipeline.call(name, ...call);
    const answers = await this.#withDeadline(pipeline.exec()).catch(asError);
    if (!Array.isArray(answers)) return calls.map(() => answers);
    return answers.map(([error, value]: [Error | null, unknown]) => error ?? value);
  }

  /** In a cluster always the same server while there is one: two would not keep the order. */
  #publisher(): Redis | undefined {
    if (!(this.#client instanceof Cluster)) return this.#client;
    const gone: ReadonlySet<string> = new Set(['close', 'end']);
    const masters = this.#client.nodes('master').filter((node) => !gone.has(node.status));
    return masters.reduce<Redis | undefined>(
      (first, node) => (first === undefined || address(node) < address(first) ? node : first),
      undefined,
    );
  }

  #withDeadline(answer: Promise<unknown>): Promise<unknown> {
    const { clock, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () => {
        reject(new Error(`no answer within ${timeoutMs} ms`));
      });
      answer.then(resolve, reject).finally(cancel);
    });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** How many of them are messages of members. */
function frames(items: readonly string[]): number {
  return items.filter((item) => item.startsWith('f')).length;
}

/** Whether Redis itself said no; these have a code in capitals as their first word. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return false;
  return !/^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/.test(
    error.message,
  );
}

function address({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}
