import { EventEmitter } from 'node:events';
import { PD_EVENTS } from './abi.ts';
import { CommandQueue } from './command-queue.ts';
import { parsePayload, type EventRouter } from './event-router.ts';
import {
  cursorSchema,
  encoderEventSchema,
  pipelineInfoSchema,
  pipelineStatsSchema,
  sourceEventSchema,
  type PipelineInfo,
  type PipelineStats,
} from './events.ts';
import { options as pack, type CaptureLibrary, type PionLibrary } from './libraries.ts';
import type { Pipeline, PipelineEvents, PipelineOptions, Stream } from './media-host.ts';
import { NativeStream } from './native-engine.ts';
import type { EventRecord } from './record-decoder.ts';

export interface NativePipelineParts {
  readonly capture: CaptureLibrary;
  readonly pion: PionLibrary;
  readonly router: EventRouter;
  readonly onClosed: (pipeline: NativePipeline) => void;
}

/** A capture-encoder pipeline. Short commands run on this thread; open, start, stop, close do not. */
export class NativePipeline extends EventEmitter<PipelineEvents> implements Pipeline {
  readonly handle: number;
  readonly info: PipelineInfo;
  readonly #parts: NativePipelineParts;
  readonly #queue = new CommandQueue();
  #stream: NativeStream | undefined;
  #closing: Promise<void> | undefined;

  static async open(parts: NativePipelineParts, options: PipelineOptions): Promise<NativePipeline> {
    const { result, out } = await parts.capture.callOut('pdc_pipeline_open', ...pack(options));
    return new NativePipeline(parts, result, pipelineInfoSchema.parse(JSON.parse(out)));
  }

  private constructor(parts: NativePipelineParts, handle: number, info: PipelineInfo) {
    super();
    this.#parts = parts;
    this.handle = handle;
    this.info = info;
    parts.router.register(handle, (record) => this.#onRecord(record));
  }

  async connect(stream: Stream): Promise<void> {
    if (!(stream instanceof NativeStream)) throw new TypeError('connect: not a native stream');
    await this.#queue.run('pdc_pipeline_set_sink', async () => {
      const push = this.#parts.pion.address('pdw_push');
      const wake = this.#parts.capture.address('pdc_wake');
      this.#parts.capture.callSync('pdc_pipeline_set_sink', this.handle, push, stream.handle);
      await stream.setWake(wake, this.handle);
      this.#stream = stream;
    });
  }

  async start(): Promise<void> {
    await this.#queue.run('pdc_pipeline_start', () =>
      this.#parts.capture.callOut('pdc_pipeline_start', this.handle),
    );
  }

  async stop(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    await this.#queue.run('pdc_pipeline_stop', () => this.#stop());
  }

  setRate(rate: { bitsPerSecond?: number; fps?: number; scale?: number }): void {
    if (this.#closing !== undefined) return;
    const bits = Math.round(rate.bitsPerSecond ?? 0);
    const { fps = 0, scale = 0 } = rate;
    this.#parts.capture.callSync('pdc_pipeline_set_rate', this.handle, bits, fps, scale);
  }

  requestKeyframe(): void {
    if (this.#closing !== undefined) return;
    this.#parts.capture.callSync('pdc_pipeline_request_keyframe', this.handle);
  }

  stats(): PipelineStats {
    return pipelineStatsSchema.parse(
      this.#parts.capture.jsonSync('pdc_pipeline_stats', this.handle),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.run('pdc_pipeline_close', () => this.#close());
    return this.#closing;
  }

  async #stop(): Promise<void> {
    await this.#parts.capture.call('pdc_pipeline_stop', this.handle);
  }

  /** Stop first: after it no push runs; then take the wake back: after it no wake runs. */
  async #close(): Promise<void> {
    try {
      await this.#stop();
      await this.#stream?.setWake(0n, 0);
      await this.#parts.capture.call('pdc_pipeline_close', this.handle);
    } finally {
      this.#parts.router.unregister(this.handle);
      this.removeAllListeners();
      this.#parts.onClosed(this);
    }
  }

  #onRecord(record: EventRecord): void {
    switch (record.type) {
      case PD_EVENTS.PD_EVENT_SOURCE:
        this.emit('source', parsePayload(sourceEventSchema, record));
        return;
      case PD_EVENTS.PD_EVENT_ENCODER:
        this.emit('encoder', parsePayload(encoderEventSchema, record));
        return;
      case PD_EVENTS.PD_EVENT_STATS:
        this.emit('stats', parsePayload(pipelineStatsSchema, record));
        return;
      case PD_EVENTS.PD_EVENT_CURSOR:
        this.emit('cursor', parsePayload(cursorSchema, record));
        return;
      default: // a newer library may say more
    }
  }
}
