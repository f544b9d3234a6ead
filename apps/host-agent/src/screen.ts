import { EventEmitter } from 'node:events';
import type {
  CursorShape,
  InputEvent,
  Injector,
  MediaHost,
  Pipeline,
  PipelineInfo,
  PipelineStats,
  Stream,
} from '@peerdeck/native-capture';
import type { Timers } from '@peerdeck/protocol';
import { effectiveUpdateInterval, type Config } from './config.ts';
import type { Log } from './log.ts';
import { chooseSource, type ChosenSource } from './source-choice.ts';

export type ScreenEvents = {
  /** Opened, or another size. */
  changed: [];
  cursor: [shape: CursorShape];
  /** No picture for now; it keeps trying while wanted. */
  lost: [reason: string];
  /** The captured window is gone for good. */
  ended: [reason: string];
};

export interface ScreenOptions {
  readonly host: MediaHost;
  readonly stream: Stream;
  readonly config: Config;
  readonly display: string | undefined;
  readonly log: Log;
  readonly timers: Timers;
}

export interface ScreenInfo extends PipelineInfo {
  readonly kind: ChosenSource['kind'];
  readonly title: string;
  readonly injector: string;
  /** Why nobody's input can be applied; undefined: it can. */
  readonly noInput: string | undefined;
}

const RETRY_MS = 1000;

interface Opened {
  readonly source: ChosenSource;
  readonly pipeline: Pipeline;
  readonly injector: Injector | undefined;
}

/**
 * The captured desktop or window: pipeline and injector, which exist while somebody watches and
 * no longer. `setWanted` states the wish; one loop at a time brings the fact after it, tries again
 * when the source is lost, and never overlaps an open with a close.
 */
export class Screen extends EventEmitter<ScreenEvents> {
  readonly #options: ScreenOptions;
  #wanted = false;
  #opened: Opened | undefined;
  #info: ScreenInfo | undefined;
  #broken = false;
  #lostSaid = false;
  #working: Promise<void> | undefined;
  #retry: unknown;
  #cursor: CursorShape | undefined;

  constructor(options: ScreenOptions) {
    super();
    this.#options = options;
  }

  /** Of the source as it was last seen. */
  get info(): ScreenInfo | undefined {
    return this.#info;
  }

  get isRunning(): boolean {
    return this.#opened !== undefined && !this.#broken;
  }

  get cursor(): CursorShape | undefined {
    return this.#cursor;
  }

  /** Opens and closes once: says early what would fail later. Throws what the source says. */
  async check(): Promise<ScreenInfo> {
    const opened = await this.#open();
    await closeOpened(opened);
    if (this.#info === undefined) throw new Error('the source has no picture');
    return this.#info;
  }

  setWanted(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#clearRetry();
    this.#work();
  }

  /** Resolves when the fact is what was wanted last, or an attempt has failed. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  async close(): Promise<void> {
    this.setWanted(false);
    await this.settled();
    this.removeAllListeners();
  }

  setRate(rate: { bitsPerSecond?: number; fps?: number; scale?: number }): void {
    this.#use((opened) => opened.pipeline.setRate(rate));
  }

  requestKeyframe(): void {
    this.#use((opened) => opened.pipeline.requestKeyframe());
  }

  stats(): PipelineStats | undefined {
    let stats: PipelineStats | undefined;
    this.#use((opened) => (stats = opened.pipeline.stats()));
    return stats;
  }

  inject(events: readonly InputEvent[]): void {
    if (events.length > 0) this.#use((opened) => void opened.injector?.inject(events));
  }

  text(text: string): void {
    this.#use((opened) => opened.injector?.text(text));
  }

  releaseAll(): void {
    this.#use((opened) => void opened.injector?.releaseAll());
  }

  /** A dying source fails calls before its event arrives: said once, never thrown at a viewer. */
  #use(action: (opened: Opened) => void): void {
    const opened = this.#opened;
    if (opened === undefined || this.#broken) return;
    try {
      action(opened);
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'native call failed');
    }
  }

  #work(): void {
    if (this.#working !== undefined) return;
    this.#working = this.#reconcile().finally(() => {
      this.#working = undefined;
      // The wish may have changed between the loop's last look and here.
      if (this.#needsWork() && this.#retry === undefined) this.#work();
    });
  }

  #needsWork(): boolean {
    return this.#wanted ? this.#opened === undefined || this.#broken : this.#opened !== undefined;
  }

  async #reconcile(): Promise<void> {
    while (this.#needsWork()) {
      if (this.#opened !== undefined) {
        const gone = this.#opened;
        this.#opened = undefined;
        this.#broken = false;
        await closeOpened(gone).catch((error: unknown) => {
          this.#options.log.warn({ error: messageOf(error) }, 'closing the source failed');
        });
        continue;
      }
      try {
        const opened = await this.#open();
        await opened.pipeline.connect(this.#options.stream);
        this.#opened = opened;
        this.#listen(opened);
        await opened.pipeline.start();
        this.#lostSaid = false;
        this.emit('changed');
      } catch (error) {
        this.#broken = this.#opened !== undefined;
        this.#sayLost(messageOf(error));
        this.#retryLater();
        return;
      }
    }
  }

  async #open(): Promise<Opened> {
    const { host, config, display, log } = this.#options;
    const source = await chooseSource(host, config, display);
    if (source.note !== undefined) log.warn(source.note);
    const pipeline = await host.openPipeline({
      source: source.options,
      encoder: encoderOptions(config),
      capture: captureOptions(config),
    });
    let injector: Injector | undefined;
    let noInput = config.host.input.enabled ? undefined : 'the owner has turned input off';
    try {
      if (noInput === undefined) injector = await this.#openInjector(pipeline);
    } catch (error) {
      noInput = messageOf(error);
      log.warn({ error: noInput }, 'no input: viewers can only watch');
    }
    const { kind, title } = source;
    this.#info = { ...pipeline.info, kind, title, injector: injector?.kind ?? 'none', noInput };
    return { source, pipeline, injector };
  }

  #openInjector(pipeline: Pipeline): Promise<Injector> {
    const { host, config, display } = this.#options;
    const on = display === undefined ? {} : { display };
    return host.openInjector({ kind: config.host.input.injector, ...on, pipeline });
  }

  #listen({ pipeline }: Opened): void {
    pipeline.on('cursor', (shape) => {
      this.#cursor = shape;
      this.emit('cursor', shape);
    });
    pipeline.on('encoder', (event) => this.#options.log.info(event, 'encoder'));
    pipeline.on('source', (event) => {
      this.#options.log.info(event, 'source');
      if (event.state === 'ended') this.#onEnded(event.reason ?? 'the window was closed');
      else if (event.state === 'lost') this.#onLost(event.reason ?? 'the display is gone');
      else this.#onSize(event.width, event.height);
    });
  }

  #onSize(width: number | undefined, height: number | undefined): void {
    if (this.#info === undefined || width === undefined || height === undefined) return;
    if (width === this.#info.width && height === this.#info.height) return;
    this.#info = { ...this.#info, width, height };
    this.emit('changed');
  }

  #onLost(reason: string): void {
    if (this.#opened === undefined || this.#broken) return;
    this.#broken = true;
    this.#sayLost(reason);
    this.#work();
  }

  #onEnded(reason: string): void {
    if (this.#info?.kind !== 'window' || this.#options.config.host.allowDesktopFallback) {
      this.#onLost(reason);
      return;
    }
    this.emit('ended', reason);
  }

  #sayLost(reason: string): void {
    if (this.#lostSaid) return;
    this.#lostSaid = true;
    this.#options.log.warn({ reason }, 'source lost; trying again');
    this.emit('lost', reason);
  }

  #retryLater(): void {
    this.#clearRetry();
    this.#retry = this.#options.timers.set(() => {
      this.#retry = undefined;
      this.#work();
    }, RETRY_MS);
  }

  #clearRetry(): void {
    if (this.#retry !== undefined) this.#options.timers.clear(this.#retry);
    this.#retry = undefined;
  }
}

/** Keys up first, then no more pictures. Both even if one fails. */
async function closeOpened({ injector, pipeline }: Opened): Promise<void> {
  try {
    await injector?.close();
  } finally {
    await pipeline.close();
  }
}

function encoderOptions(config: Config) {
  const { encoder, fps, bitrateStart, threads, quality } = config.host.video;
  return { kind: encoder, fps, bitrateBps: bitrateStart, threads, quality };
}

function captureOptions(config: Config) {
  const { capture, video } = config.host;
  return {
    maxQueueDepth: capture.maxQueueDepth,
    framePoolBuffers: capture.framePoolBuffers,
    dropWindowMs: capture.dropWindowMs,
    dropMinEvents: capture.dropMinEvents,
    minUpdateInterval100ns: effectiveUpdateInterval(config),
    skipUnchanged: capture.skipUnchanged,
    mmcss: capture.mmcss,
    gpuTiming: video.gpuTiming,
    deferredContext: video.deferredContext,
    cursor: 'separate' as const,
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
