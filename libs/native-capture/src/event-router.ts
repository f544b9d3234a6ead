import type { z } from 'zod';
import { PD_EVENTS } from './abi.ts';
import { faultSchema, logSchema, type NativeFault, type NativeLog } from './events.ts';
import type { EventRecord } from './record-decoder.ts';

export interface EventRouterOptions {
  readonly log: (entry: NativeLog) => void;
  readonly fault?: (fault: NativeFault, handle: number) => void;
  /** A handle was registered. */
  readonly onRegister?: () => void;
  /** Records kept for handles whose open has not returned yet; the oldest goes first. */
  readonly orphanLimit?: number;
}

export type RecordListener = (record: EventRecord) => void;

/**
 * Hands records to the owner of their handle. An event can overtake the return value of the call
 * that made its handle (two pool threads), so records of unknown handles wait in a small buffer.
 */
export class EventRouter {
  readonly #listeners = new Map<number, RecordListener>();
  readonly #log: (entry: NativeLog) => void;
  readonly #fault: ((fault: NativeFault, handle: number) => void) | undefined;
  readonly #onRegister: (() => void) | undefined;
  readonly #orphanLimit: number;
  #orphans: EventRecord[] = [];

  constructor(options: EventRouterOptions) {
    this.#log = options.log;
    this.#fault = options.fault;
    this.#onRegister = options.onRegister;
    this.#orphanLimit = options.orphanLimit ?? 64;
  }

  /** How many handles have an owner. */
  get size(): number {
    return this.#listeners.size;
  }

  register(handle: number, listener: RecordListener): void {
    this.#listeners.set(handle, listener);
    this.#onRegister?.();
    const early = this.#orphans.filter((record) => record.handle === handle);
    if (early.length === 0) return;
    this.#orphans = this.#orphans.filter((record) => record.handle !== handle);
    // Later, so that whoever opened the object can attach its listeners first.
    setImmediate(() => early.forEach((record) => this.#deliver(listener, record)));
  }

  unregister(handle: number): void {
    this.#listeners.delete(handle);
  }

  readonly dispatch = (record: EventRecord): void => {
    if (record.type === PD_EVENTS.PD_EVENT_LOG) {
      this.#deliver((one) => this.#log(parsePayload(logSchema, one)), record);
      return;
    }
    if (record.type === PD_EVENTS.PD_EVENT_FAULT) {
      this.#deliver((one) => this.#onFault(parsePayload(faultSchema, one), one.handle), record);
      return;
    }
    const listener = this.#listeners.get(record.handle);
    if (listener !== undefined) {
      this.#deliver(listener, record);
      return;
    }
    this.#orphans.push({ ...record, payload: Uint8Array.from(record.payload) });
    if (this.#orphans.length > this.#orphanLimit) this.#orphans.shift();
  };

  #onFault(fault: NativeFault, handle: number): void {
    const { part, state, times, reason } = fault;
    const what = state === 'failing' ? `failed ${times} times, is tried again` : state;
    const level = state === 'recovered' ? 'info' : 'warn';
    this.#log({ level, message: `${part} of ${handle}: ${what} (${reason})` });
    this.#fault?.(fault, handle);
  }

  #deliver(listener: RecordListener, record: EventRecord): void {
    try {
      listener(record);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log({ level: 'error', message: `event ${record.type} of ${record.handle}: ${text}` });
    }
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

export function parsePayload<T>(schema: z.ZodType<T>, record: EventRecord): T {
  return schema.parse(JSON.parse(decoder.decode(record.payload)));
}
