import { EVENT_HEADER } from './abi.ts';

/** One event record. `payload` points into the poll buffer: copy what must outlive the callback. */
export interface EventRecord {
  readonly type: number;
  readonly channel: number;
  readonly handle: number;
  /** CLOCK_MONOTONIC (QPC on Windows), microseconds. */
  readonly timeUs: number;
  readonly payload: Uint8Array;
}

export class RecordError extends Error {
  constructor(message: string, offset: number) {
    super(`event batch, byte ${offset}: ${message}`);
    this.name = 'RecordError';
  }
}

const { size: HEADER, offsets } = EVENT_HEADER;

/**
 * Walks the first `used` bytes of a batch (peerdeck_abi.h, pd_event_header). Pure. Throws a
 * RecordError at the first record whose size does not fit; records before it have been yielded.
 */
export function* decodeRecords(buffer: Uint8Array, used: number): Generator<EventRecord> {
  if (!Number.isInteger(used) || used < 0 || used > buffer.byteLength) {
    throw new RecordError(`${used} bytes used of a buffer of ${buffer.byteLength}`, 0);
  }
  const view = new DataView(buffer.buffer, buffer.byteOffset, used);
  let at = 0;
  while (at < used) {
    if (used - at < HEADER) throw new RecordError(`${used - at} bytes left, header cut off`, at);
    const size = view.getUint32(at + offsets.size, true);
    if (size < HEADER) throw new RecordError(`record of ${size} bytes, header is ${HEADER}`, at);
    if (size > used - at) throw new RecordError(`record of ${size} bytes, ${used - at} left`, at);
    yield {
      type: view.getUint16(at + offsets.type, true),
      channel: view.getUint16(at + offsets.channel, true),
      handle: safeInteger(view.getBigInt64(at + offsets.handle, true), 'handle', at),
      timeUs: safeInteger(view.getBigInt64(at + offsets.time_us, true), 'time_us', at),
      payload: buffer.subarray(at + HEADER, at + size),
    };
    // The last record's padding may be left out of `used`.
    at += Math.ceil(size / 8) * 8;
  }
}

function safeInteger(value: bigint, field: string, at: number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RecordError(`${field} is ${value}`, at);
  return number;
}
