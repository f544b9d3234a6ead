import { RecordError, decodeRecords, type EventRecord } from './record-decoder.ts';

/** koffi's asynchronous call: `(buffer, capacity, timeoutMs) → bytes used or a pd_error`. */
export type PollCall = (buffer: Buffer, capacity: number, timeoutMs: number) => Promise<number>;

export interface EventPumpOptions {
  readonly poll: PollCall;
  /** Makes a poll that waits return at once. */
  readonly wake: () => Promise<void>;
  readonly dispatch: (record: EventRecord) => void;
  /** A batch that does not decode, or a poll that fails for another reason than closing. */
  readonly onError: (error: Error) => void;
  /** Whether nothing is open that could say anything but a log line; then it polls now and then. */
  readonly isIdle?: () => boolean;
  /** At most 1000: process.exit() waits for an outstanding call this long unless it is woken. */
  readonly timeoutMs?: number;
  /** Bytes; the largest record has to fit. */
  readonly capacity?: number;
}

const IDLE_PAUSE_MS = 1000;

/**
 * Drains one library's event queue with one blocking call on a pool thread at a time, and hands
 * each record to `dispatch` on the JavaScript thread. One pump per library: each holds one of
 * libuv's pool threads. It runs from start() to stop() and keeps the process alive only between.
 */
export class EventPump {
  readonly #options: EventPumpOptions;
  readonly #buffer: Buffer;
  readonly #timeoutMs: number;
  #running: Promise<void> | undefined;
  #stopping = false;
  #endPause: (() => void) | undefined;

  constructor(options: EventPumpOptions) {
    this.#options = options;
    this.#timeoutMs = Math.min(options.timeoutMs ?? 1000, 1000);
    this.#buffer = Buffer.alloc(options.capacity ?? 1 << 20);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something has been opened: polls without pause again. */
  kick(): void {
    this.#endPause?.();
  }

  /** Resolves when the last call has returned and what it brought has been dispatched. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.kick();
    if (this.#running === undefined) return;
    await this.#options.wake().catch(() => undefined); // the time-out ends the call anyway
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      let used: number;
      try {
        used = await this.#options.poll(this.#buffer, this.#buffer.length, this.#timeoutMs);
      } catch (error) {
        this.#options.onError(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      this.#deliver(used);
      if (used === 0 && this.#options.isIdle?.() === true) await this.#pause();
    }
    await this.#drain();
  }

  /** A poll wakes two threads and Go's scheduler: ten of them a second for nothing are a waste. */
  #pause(): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, IDLE_PAUSE_MS);
      this.#endPause = end;
    });
  }

  /** What was queued until stop() still reaches its listeners. Bounded: nothing new is opened. */
  async #drain(): Promise<void> {
    for (let batch = 0; batch < 64; batch += 1) {
      const used = await this.#options.poll(this.#buffer, this.#buffer.length, 0).catch(() => 0);
      if (used === 0) return;
      this.#deliver(used);
    }
  }

  #deliver(used: number): void {
    try {
      for (const record of decodeRecords(this.#buffer, used)) this.#options.dispatch(record);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      this.#options.onError(error);
    }
  }
}
