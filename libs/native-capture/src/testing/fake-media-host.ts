import { EventEmitter } from 'node:events';
import type {
  IceCandidate,
  PipelineInfo,
  PipelineStats,
  ProbeReport,
  WindowInfo,
} from '../events.ts';
import { ABI_VERSION } from '../abi.ts';
import { pipelineStatsSchema } from '../events.ts';
import type {
  Channel,
  Engine,
  EngineOptions,
  Injector,
  InjectorOptions,
  InputEvent,
  LeakReport,
  MediaHost,
  Pace,
  Peer,
  PeerEvents,
  PeerOptions,
  Pipeline,
  PipelineEvents,
  PipelineOptions,
  Stream,
} from '../media-host.ts';

/**
 * A MediaHost without native code, for unit tests of what stands above it. It keeps what it was
 * told, lets a test emit any event, and counts what is open. `journal` has every call in order.
 */
export class FakeMediaHost implements MediaHost {
  readonly journal: string[] = [];
  readonly engines = new Set<FakeEngine>();
  readonly pipelines = new Set<FakePipeline>();
  readonly injectors = new Set<FakeInjector>();
  windows: WindowInfo[] = [];
  report: ProbeReport = { versions: {}, sources: [], encoders: [], injectors: [] };
  info: PipelineInfo = { width: 1280, height: 720, source: 'fake', encoder: 'fake' };
  /** Set to make the next openPipeline fail. */
  pipelineError: Error | undefined;
  /** Set to make the next openInjector fail. */
  injectorError: Error | undefined;
  closed = false;

  async describe(): Promise<Readonly<Record<string, string | number>>> {
    return { abi: ABI_VERSION };
  }

  async probe(): Promise<ProbeReport> {
    return this.report;
  }

  async listWindows(): Promise<readonly WindowInfo[]> {
    return this.windows;
  }

  async openEngine(options: EngineOptions = {}): Promise<FakeEngine> {
    this.journal.push('engine.open');
    const engine = new FakeEngine(this, options);
    this.engines.add(engine);
    return engine;
  }

  async openPipeline(options: PipelineOptions): Promise<FakePipeline> {
    this.journal.push('pipeline.open');
    const error = this.pipelineError;
    if (error !== undefined) throw error;
    const pipeline = new FakePipeline(this, options);
    this.pipelines.add(pipeline);
    return pipeline;
  }

  async openInjector(options: InjectorOptions): Promise<FakeInjector> {
    this.journal.push('injector.open');
    if (this.injectorError !== undefined) throw this.injectorError;
    const injector = new FakeInjector(this, options);
    this.injectors.add(injector);
    return injector;
  }

  async leaks(): Promise<LeakReport> {
    const peers = [...this.engines].reduce((sum, engine) => sum + engine.peers.size, 0);
    return {
      pion: { engines: this.engines.size, peers },
      capture: { pipelines: this.pipelines.size, injectors: this.injectors.size },
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const one of [...this.injectors, ...this.pipelines, ...this.engines]) await one.close();
    this.journal.push('host.close');
  }
}

export class FakeEngine implements Engine {
  readonly options: EngineOptions;
  readonly peers = new Set<FakePeer>();
  readonly #host: FakeMediaHost;

  constructor(host: FakeMediaHost, options: EngineOptions) {
    this.#host = host;
    this.options = options;
  }

  async openStream(): Promise<Stream> {
    this.#host.journal.push('stream.open');
    return { close: async () => void this.#host.journal.push('stream.close') };
  }

  async openPeer(options: PeerOptions = {}): Promise<FakePeer> {
    this.#host.journal.push('peer.open');
    const peer = new FakePeer(this.#host, options, () => this.peers.delete(peer));
    this.peers.add(peer);
    return peer;
  }

  async close(): Promise<void> {
    if (!this.#host.engines.delete(this)) return;
    for (const peer of [...this.peers]) await peer.close();
    this.#host.journal.push('engine.close');
  }
}

export class FakePeer extends EventEmitter<PeerEvents> implements Peer {
  readonly options: PeerOptions;
  readonly offers: string[] = [];
  readonly candidates: IceCandidate[] = [];
  readonly sent: { channel: Channel; message: string | Uint8Array }[] = [];
  readonly paces: Pace[] = [];
  answerSdp = 'v=0\r\ns=fake answer\r\n';
  video = true;
  /** What setInput said; a real peer drops input until then. */
  input = false;
  closed = false;
  readonly #host: FakeMediaHost;
  readonly #onClosed: () => void;

  constructor(host: FakeMediaHost, options: PeerOptions, onClosed: () => void) {
    super();
    this.#host = host;
    this.options = options;
    this.#onClosed = onClosed;
  }

  async answer(offerSdp: string): Promise<string> {
    this.offers.push(offerSdp);
    return this.answerSdp;
  }

  async addCandidate(candidate: IceCandidate): Promise<void> {
    this.candidates.push(candidate);
  }

  async send(channel: Channel, message: string | Uint8Array): Promise<void> {
    this.sent.push({ channel, message });
  }

  async setVideo(enabled: boolean): Promise<void> {
    this.video = enabled;
  }

  async setInput(accepted: boolean): Promise<void> {
    this.input = accepted;
  }

  async setPace(pace: Pace): Promise<void> {
    this.paces.push(pace);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.#host.journal.push('peer.close');
    this.removeAllListeners();
    this.#onClosed();
  }

  /** The parsed text messages sent on a channel. */
  texts(channel: Channel): unknown[] {
    return this.sent
      .filter((one) => one.channel === channel && typeof one.message === 'string')
      .map((one) => JSON.parse(one.message as string) as unknown);
  }
}

export class FakePipeline extends EventEmitter<PipelineEvents> implements Pipeline {
  readonly options: PipelineOptions;
  readonly info: PipelineInfo;
  readonly rates: { bitsPerSecond?: number; fps?: number; scale?: number }[] = [];
  keyframes = 0;
  running = false;
  counters: Partial<PipelineStats> = {};
  readonly #host: FakeMediaHost;

  constructor(host: FakeMediaHost, options: PipelineOptions) {
    super();
    this.#host = host;
    this.options = options;
    this.info = host.info;
  }

  async connect(): Promise<void> {
    this.#host.journal.push('pipeline.connect');
  }

  async start(): Promise<void> {
    this.#host.journal.push('pipeline.start');
    this.running = true;
  }

  async stop(): Promise<void> {
    this.#host.journal.push('pipeline.stop');
    this.running = false;
  }

  setRate(rate: { bitsPerSecond?: number; fps?: number; scale?: number }): void {
    this.rates.push(rate);
  }

  requestKeyframe(): void {
    this.keyframes += 1;
  }

  stats(): PipelineStats {
    return pipelineStatsSchema.parse(this.counters);
  }

  async close(): Promise<void> {
    if (!this.#host.pipelines.delete(this)) return;
    this.running = false;
    this.#host.journal.push('pipeline.close');
    this.removeAllListeners();
  }
}

export class FakeInjector implements Injector {
  readonly kind = 'recorder';
  readonly options: InjectorOptions;
  readonly events: InputEvent[] = [];
  readonly texts: string[] = [];
  releases = 0;
  readonly #host: FakeMediaHost;

  constructor(host: FakeMediaHost, options: InjectorOptions) {
    this.#host = host;
    this.options = options;
  }

  inject(events: readonly InputEvent[]): number {
    this.events.push(...events);
    return events.length;
  }

  text(text: string): void {
    this.texts.push(text);
  }

  releaseAll(): number {
    this.#host.journal.push('injector.release');
    this.releases += 1;
    return 0;
  }

  async close(): Promise<void> {
    if (!this.#host.injectors.delete(this)) return;
    this.#host.journal.push('injector.close');
  }
}
