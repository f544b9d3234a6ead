import { isNativeError } from './errors.ts';
import { decodeRecords, type EventRecord } from './record-decoder.ts';

/** koffi's asynchronous call: `(buffer, capacity, timeoutMs) → bytes used or a pd_error`. */
export type PollCall = (buffer: Buffer, capacity: number, timeoutMs: number) => Promise<number>;

export interface EventPumpOptions {
  readonly poll: PollCall;
  /** Makes a poll that waits return at once. */
  readonly wake: () => Promise<void>;
  readonly dispatch: (record: EventRecord) => void;
  /**
   * A batch that does not decode, a dispatch that throws, or a poll that fails: it goes on in all
   * cases. Of failures in a row the first is told, then one a second.
   */
  readonly onError: (error: Error) => void;
  /** The poll works again, after so many failures in a row. */
  readonly onRecovered?: (failures: number) => void;
  /** Whether nothing is open that could say anything but a log line; then it polls now and then. */
  readonly isIdle?: () => boolean;
  /** At most 1000: process.exit() waits for an outstanding call this long unless it is woken. */
  readonly timeoutMs?: number;
  /** Bytes; the largest record has to fit. */
  readonly capacity?: number;
}

const IDLE_PAUSE_MS = 1000;
/** After a failed poll: twice as long each time in a row. */
const FIRST_RETRY_MS = 10;
const LONGEST_RETRY_MS = 1000;
/** A record that does not fit makes the buffer grow up to here. */
const LARGEST_BUFFER = 16 << 20;

/**
 * Drains one library's event queue with one blocking call on a pool thread at a time, and hands
 * each record to `dispatch` on the JavaScript thread. One pump per library: each holds one of
 * libuv's pool threads. It runs from start() to stop() and keeps the process alive only between.
 */
export class EventPump {
  readonly #options: EventPumpOptions;
  #buffer: Buffer;
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

  /** Whatever fails, it goes on: without it the host would hear of nothing any more. */
  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping) {
      let used: number;
      try {
        used = await this.#options.poll(this.#buffer, this.#buffer.length, this.#timeoutMs);
      } catch (error) {
        const pause = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS);
        if (failures === 0 || pause === LONGEST_RETRY_MS) this.#tell(error);
        failures += 1;
        this.#growFor(error);
        await this.#pause(pause);
        continue;
      }
      if (failures > 0) this.#options.onRecovered?.(failures);
      failures = 0;
      this.#deliver(used);
      if (used === 0 && this.#options.isIdle?.() === true) await this.#pause(IDLE_PAUSE_MS);
    }
    await this.#drain();
  }

  #growFor(error: unknown): void {
    const size = this.#buffer.length * 2;
    if (!isNativeError(error, 'PD_ERR_TOO_LARGE') || size > LARGEST_BUFFER) return;
    this.#buffer = Buffer.alloc(size);
  }

  /** A poll wakes two threads and Go's scheduler: ten of them a second for nothing are a waste. */
  #pause(ms: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
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
    for (const record of this.#records(used)) {
      try {
        this.#options.dispatch(record);
      } catch (error) {
        this.#tell(error);
      }
    }
  }

  *#records(used: number): Generator<EventRecord> {
    try {
      yield* decodeRecords(this.#buffer, used);
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    this.#options.onError(error instanceof Error ? error : new Error(String(error)));
  }
}
