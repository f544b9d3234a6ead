import { CommandQueue } from './command-queue.ts';
import { EventPump } from './event-pump.ts';
import { EventRouter } from './event-router.ts';
import {
  leakCountsSchema,
  pionVersionsSchema,
  probeSchema,
  windowListSchema,
  type NativeFault,
  type NativeLog,
  type ProbeReport,
  type WindowInfo,
} from './events.ts';
import { loadLibraries, options as pack, type Libraries } from './libraries.ts';
import { findLibraries, type LibraryPaths } from './library-paths.ts';
import type {
  Engine,
  EngineOptions,
  Injector,
  InjectorOptions,
  LeakReport,
  MediaHost,
  MediaHostOptions,
  Pipeline,
  PipelineOptions,
} from './media-host.ts';
import { NativeEngine } from './native-engine.ts';
import { NativeInjector } from './native-injector.ts';
import { NativePipeline } from './native-pipeline.ts';

export interface NativeMediaHostOptions extends MediaHostOptions {
  /** Default: findLibraries(). */
  readonly paths?: LibraryPaths;
}

/**
 * Both native libraries of this process. Open at most one at a time: each library has a single
 * event queue, and a second pump on it is refused.
 */
export async function openNativeMediaHost(
  options: NativeMediaHostOptions = {},
): Promise<MediaHost> {
  const libraries = await loadLibraries(options.paths ?? findLibraries());
  return new NativeMediaHost(libraries, options);
}

class NativeMediaHost implements MediaHost {
  readonly #libraries: Libraries;
  /** Owns pion_webrtc: every call into Go is asynchronous, and goes through here in order. */
  readonly #goQueue = new CommandQueue();
  readonly #routers: { readonly pion: EventRouter; readonly capture: EventRouter };
  readonly #pumps: readonly EventPump[];
  readonly #engines = new Set<NativeEngine>();
  readonly #pipelines = new Set<NativePipeline>();
  readonly #injectors = new Set<NativeInjector>();
  #closing: Promise<void> | undefined;
  /** A process does not end before the calls that wait return. */
  readonly #onExit = (): void => {
    this.#libraries.pion.callSync('pdw_wake_events');
    this.#libraries.capture.callSync('pdc_wake_events');
  };

  constructor(libraries: Libraries, options: MediaHostOptions) {
    const { pion, capture } = libraries;
    const log = (library: string) => (entry: NativeLog) => options.log?.({ ...entry, library });
    const fault = (library: string) => (one: NativeFault, handle: number) =>
      options.fault?.({ ...one, library, handle });
    const failed = (library: string) => (error: Error) =>
      options.log?.({ library, level: 'error', message: `event pump: ${error.message}` });
    const recovered = (library: string) => (failures: number) => {
      const reason = `its poll failed ${failures} times`;
      options.log?.({ library, level: 'warn', message: `event pump: works again, ${reason}` });
      const state = 'recovered';
      options.fault?.({ library, handle: 0, part: 'event pump', state, times: failures, reason });
    };
    this.#libraries = libraries;
    const kick = (pump: number) => () => this.#pumps[pump]?.kick();
    const routers = {
      pion: new EventRouter({
        log: log('pion_webrtc'),
        fault: fault('pion_webrtc'),
        onRegister: kick(0),
      }),
      capture: new EventRouter({
        log: log('capture-encoder'),
        fault: fault('capture-encoder'),
        onRegister: kick(1),
      }),
    };
    this.#routers = routers;
    this.#pumps = [
      new EventPump({
        isIdle: () => routers.pion.size === 0,
        poll: (buffer, capacity, timeout) =>
          pion.call('pdw_poll_events', buffer, capacity, timeout),
        wake: async () => void (await pion.call('pdw_wake_events')),
        dispatch: routers.pion.dispatch,
        onError: failed('pion_webrtc'),
        onRecovered: recovered('pion_webrtc'),
      }),
      new EventPump({
        isIdle: () => routers.capture.size === 0,
        poll: (buffer, capacity, timeout) =>
          capture.call('pdc_poll_events', buffer, capacity, timeout),
        wake: async () => void capture.callSync('pdc_wake_events'),
        dispatch: routers.capture.dispatch,
        onError: failed('capture-encoder'),
        onRecovered: recovered('capture-encoder'),
      }),
    ];
    for (const pump of this.#pumps) pump.start();
    process.on('exit', this.#onExit);
  }

  async describe(): Promise<Readonly<Record<string, string | number>>> {
    const { pion, capture } = this.#libraries;
    const { out } = await this.#goQueue.run('pdw_describe', () => pion.callOut('pdw_describe'));
    const versions = pionVersionsSchema.parse(JSON.parse(out)) as Record<string, string | number>;
    return { ...versions, pionPath: pion.path, capturePath: capture.path };
  }

  async probe(options: { readonly display?: string } = {}): Promise<ProbeReport> {
    const { out } = await this.#libraries.capture.callOut('pdc_probe', ...pack(options));
    return probeSchema.parse(JSON.parse(out));
  }

  async listWindows(options: { readonly display?: string } = {}): Promise<readonly WindowInfo[]> {
    const { out } = await this.#libraries.capture.callOut('pdc_list_windows', ...pack(options));
    return windowListSchema.parse(JSON.parse(out)).windows;
  }

  async openEngine(options: EngineOptions = {}): Promise<Engine> {
    this.#checkOpen();
    const parts = {
      pion: this.#libraries.pion,
      queue: this.#goQueue,
      router: this.#routers.pion,
      onClosed: (engine: NativeEngine) => this.#engines.delete(engine),
    };
    return this.#keep(this.#engines, await NativeEngine.open(parts, options));
  }

  async openPipeline(options: PipelineOptions): Promise<Pipeline> {
    this.#checkOpen();
    const parts = {
      capture: this.#libraries.capture,
      pion: this.#libraries.pion,
      router: this.#routers.capture,
      onClosed: (pipeline: NativePipeline) => this.#pipelines.delete(pipeline),
    };
    return this.#keep(this.#pipelines, await NativePipeline.open(parts, options));
  }

  async openInjector(options: InjectorOptions): Promise<Injector> {
    this.#checkOpen();
    const onClosed = (injector: NativeInjector) => this.#injectors.delete(injector);
    const opened = await NativeInjector.open(this.#libraries.capture, options, onClosed);
    return this.#keep(this.#injectors, opened);
  }

  async leaks(): Promise<LeakReport> {
    const { pion, capture } = this.#libraries;
    const [go, cpp] = await Promise.all([
      this.#goQueue.run('pdw_leaks', () => pion.callOut('pdw_leaks')),
      capture.callOut('pdc_leaks'),
    ]);
    return {
      pion: leakCountsSchema.parse(JSON.parse(go.out)),
      capture: leakCountsSchema.parse(JSON.parse(cpp.out)),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The order of docs/architecture.md: keys up, then capture, then peers, then the pumps. */
  async #close(): Promise<void> {
    const steps = [
      () => closeAll(this.#injectors),
      () => closeAll(this.#pipelines),
      () => closeAll(this.#engines),
      () => Promise.all(this.#pumps.map((pump) => pump.stop())),
    ];
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    process.off('exit', this.#onExit);
    if (failures.length > 0) throw new AggregateError(failures, 'closing the media host failed');
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new Error('the media host has been closed');
  }

  /** What opened while close() had begun is closed at once. */
  async #keep<T extends { close(): Promise<void> }>(set: Set<T>, opened: T): Promise<T> {
    if (this.#closing !== undefined) {
      await opened.close();
      this.#checkOpen();
    }
    set.add(opened);
    return opened;
  }
}

async function closeAll(set: ReadonlySet<{ close(): Promise<void> }>): Promise<void> {
  const results = await Promise.allSettled([...set].map((one) => one.close()));
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length > 0) {
    throw new AggregateError(
      failed.map((result) => result.reason as unknown),
      failed.map((result) => String(result.reason)).join('; '),
    );
  }
}
