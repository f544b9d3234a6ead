import { INPUT_EVENT, PD_INPUTS } from './abi.ts';
import type { InputEvent } from './media-host.ts';

const { size, offsets } = INPUT_EVENT;

/**
 * Packs input events into pd_input_event records, in one buffer that is used again for each batch:
 * the callee reads it only during the call, and calls come from one thread.
 */
export class InputPacker {
  readonly buffer: Buffer;
  readonly capacity: number;

  constructor(capacity = 64) {
    this.capacity = capacity;
    this.buffer = Buffer.alloc(capacity * size);
  }

  /** Writes `events` from the start of the buffer; more than `capacity` is a RangeError. */
  pack(events: readonly InputEvent[]): void {
    if (events.length > this.capacity) {
      throw new RangeError(`${events.length} input events, the batch holds ${this.capacity}`);
    }
    events.forEach((event, index) => this.#write(index * size, event));
  }

  #write(at: number, event: InputEvent): void {
    switch (event.kind) {
      case 'key':
        return this.#record(at, PD_INPUTS.PD_INPUT_KEY, event.down, event.usage, 0, 0);
      case 'pointer':
        return this.#record(at, PD_INPUTS.PD_INPUT_POINTER, false, 0, event.x, event.y);
      case 'motion':
        return this.#record(at, PD_INPUTS.PD_INPUT_MOTION, false, 0, event.dx, event.dy);
      case 'button':
        return this.#record(at, PD_INPUTS.PD_INPUT_BUTTON, event.down, event.button, 0, 0);
      case 'wheel':
        return this.#record(at, PD_INPUTS.PD_INPUT_WHEEL, false, 0, event.dx, event.dy);
    }
  }

  #record(at: number, kind: number, down: boolean, code: number, x: number, y: number): void {
    this.buffer.writeUInt8(kind, at + offsets.kind);
    this.buffer.writeUInt8(down ? 1 : 0, at + offsets.value);
    this.buffer.writeUInt16LE(code, at + offsets.code);
    this.buffer.writeInt32LE(x, at + offsets.x);
    this.buffer.writeInt32LE(y, at + offsets.y);
  }
}
