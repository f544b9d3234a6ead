import type {
  ArrivalReport,
  CursorShape,
  EncoderEvent,
  IceCandidate,
  ChannelState,
  NativeFault,
  NativeLog,
  PeerFeedback,
  PeerPath,
  PeerState,
  PipelineInfo,
  PipelineStats,
  ProbeReport,
  SourceEvent,
  WindowInfo,
} from './events.ts';

/**
 * The media plane as JavaScript sees it: it opens, wires and steers; it never touches a frame.
 * Implementations: NativeMediaHost (the two libraries) and, for unit tests, FakeMediaHost of
 * `@peerdeck/native-capture/testing`.
 *
 * Every close() is idempotent, resolves when no event of that object can follow, and closes what
 * it owns: a host its engines, pipelines and injectors; an engine its peers and streams.
 */
export interface MediaHost {
  describe(): Promise<Readonly<Record<string, string | number>>>;
  /** What works here and why the rest does not. `display` is an X display such as ":0". */
  probe(options?: { readonly display?: string }): Promise<ProbeReport>;
  listWindows(options?: { readonly display?: string }): Promise<readonly WindowInfo[]>;
  openEngine(options?: EngineOptions): Promise<Engine>;
  openPipeline(options: PipelineOptions): Promise<Pipeline>;
  openInjector(options: InjectorOptions): Promise<Injector>;
  /** Open objects, threads and goroutines of both libraries; readable after close() too. */
  leaks(): Promise<LeakReport>;
  close(): Promise<void>;
}

export interface LeakReport {
  readonly pion: Readonly<Record<string, number>>;
  readonly capture: Readonly<Record<string, number>>;
}

/** Typed listeners. Called on the JavaScript thread; what one throws is logged and goes no further. */
export interface EventSource<E extends Record<string, unknown[]>> {
  on<K extends keyof E & string>(name: K, listener: (...args: E[K]) => void): this;
  off<K extends keyof E & string>(name: K, listener: (...args: E[K]) => void): this;
}

export interface EngineOptions {
  readonly iceTimeouts?: {
    readonly disconnectedMs: number;
    readonly failedMs: number;
    readonly keepAliveMs: number;
  };
  readonly mdns?: boolean;
  readonly interfaces?: readonly string[];
  readonly includeLoopback?: boolean;
  readonly udpPortMin?: number;
  readonly udpPortMax?: number;
  readonly maxPeers?: number;
  readonly bitrateBps?: number;
  readonly log?: string;
}

export interface Engine {
  /** One encoded stream; peers opened later are attached to every stream of the engine. */
  openStream(options?: { readonly codec: 'h264' }): Promise<Stream>;
  openPeer(options?: PeerOptions): Promise<Peer>;
  close(): Promise<void>;
}

export interface Stream {
  close(): Promise<void>;
}

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface PeerOptions {
  readonly iceServers?: readonly IceServer[];
  readonly relayOnly?: boolean;
  readonly video?: boolean;
}

export type Channel = 'control' | 'input' | 'pointer' | 'files';

export type PeerEvents = {
  state: [state: PeerState];
  candidate: [candidate: IceCandidate];
  channel: [channel: Channel, state: ChannelState];
  /** A text message. */
  text: [channel: Channel, message: string];
  /** A binary message; the bytes are the listener's own copy. */
  data: [channel: Channel, message: Uint8Array];
  /** With each report of the viewer, within milliseconds. */
  arrivals: [report: ArrivalReport];
  feedback: [feedback: PeerFeedback];
  path: [path: PeerPath];
};

/** How the packets of one viewer leave the host. */
export interface Pace {
  /** What the path is believed to carry. */
  readonly bitsPerSecond: number;
  /** How much faster a picture over its budget may leave: 1 to 3. */
  readonly gain: number;
  /** Bytes that may be on the way and that no report has told of; 0: no bound. */
  readonly windowBytes: number;
}

export interface Peer extends EventSource<PeerEvents> {
  /** Takes the viewer's offer, gives the answer's SDP. Again for a renegotiation or ICE restart. */
  answer(offerSdp: string): Promise<string>;
  addCandidate(candidate: IceCandidate): Promise<void>;
  /** A string goes out as text, bytes as binary. PD_ERR_WOULD_BLOCK when 1 MiB waits already. */
  send(channel: Channel, message: string | Uint8Array): Promise<void>;
  setVideo(enabled: boolean): Promise<void>;
  /**
   * Whether messages of the channels 'input' and 'pointer' become `data` and `text` events. False
   * until told: they are then dropped where they are read, and cost nobody anything.
   */
  setInput(accepted: boolean): Promise<void>;
  /** How packets leave. */
  setPace(pace: Pace): Promise<void>;
  /** `flushMs` (at most 500): how long data channels may drain first. */
  close(options?: { readonly flushMs?: number }): Promise<void>;
}

export interface SourceOptions {
  readonly kind: 'auto' | 'x11' | 'synthetic' | 'wgc' | 'dxgi' | 'gdi';
  readonly display?: string;
  readonly window?: string;
  readonly process?: string;
  readonly width?: number;
  readonly height?: number;
  readonly resize?: boolean;
}

export interface PipelineOptions {
  readonly source: SourceOptions;
  readonly encoder?: {
    readonly kind?: string;
    readonly fps?: number;
    readonly bitrateBps?: number;
    readonly threads?: number;
    readonly quality?: number;
    readonly maxWidth?: number;
    readonly maxHeight?: number;
  };
  readonly capture?: {
    readonly maxQueueDepth?: number;
    readonly framePoolBuffers?: number;
    readonly dropWindowMs?: number;
    readonly dropMinEvents?: number;
    readonly minUpdateInterval100ns?: number;
    readonly skipUnchanged?: boolean;
    readonly cursor?: 'separate' | 'embedded' | 'none';
    readonly mmcss?: { readonly enable: boolean; readonly priority: number };
    readonly gpuTiming?: boolean;
    readonly deferredContext?: boolean;
  };
  readonly statsIntervalMs?: number;
}

export type PipelineEvents = {
  source: [event: SourceEvent];
  encoder: [event: EncoderEvent];
  stats: [stats: PipelineStats];
  cursor: [shape: CursorShape];
};

export interface Pipeline extends EventSource<PipelineEvents> {
  readonly info: PipelineInfo;
  /** Pictures go to `stream`, wakes come back from it. Only while stopped. */
  connect(stream: Stream): Promise<void>;
  start(): Promise<void>;
  /** When it resolves, no picture is pushed and none will be. */
  stop(): Promise<void>;
  /** Live. 0 keeps a value; scale 0.5..1 of the source's size. */
  setRate(rate: { bitsPerSecond?: number; fps?: number; scale?: number }): void;
  requestKeyframe(): void;
  stats(): PipelineStats;
  close(): Promise<void>;
}

export interface InjectorOptions {
  readonly kind: 'auto' | 'xtest' | 'sendinput' | 'recorder';
  readonly display?: string;
  /** Absolute coordinates map to what this pipeline captures. */
  readonly pipeline?: Pipeline;
}

/** Codes are USB HID usages (page 7); absolute coordinates are 0..65535 of the captured picture. */
export type InputEvent =
  | { readonly kind: 'key'; readonly usage: number; readonly down: boolean }
  | { readonly kind: 'pointer'; readonly x: number; readonly y: number }
  | { readonly kind: 'motion'; readonly dx: number; readonly dy: number }
  | { readonly kind: 'button'; readonly button: number; readonly down: boolean }
  | { readonly kind: 'wheel'; readonly dx: number; readonly dy: number };

export interface Injector {
  /** Which backend was opened: "xtest", "sendinput" or "recorder". */
  readonly kind: string;
  /** Applies the events in order. Gives how many were applied. */
  inject(events: readonly InputEvent[]): number;
  /** Types text that no key gives; at most 4 KiB of UTF-8. */
  text(text: string): void;
  /** Releases every key and button this injector holds. Gives how many. */
  releaseAll(): number;
  close(): Promise<void>;
}

export interface MediaHostOptions {
  /** Log lines of the native libraries and of the event pumps. */
  readonly log?: (entry: NativeLog & { readonly library: string }) => void;
  /** A part failed and is tried again, works again, or has ended; `log` hears of it too. */
  readonly fault?: (
    fault: NativeFault & { readonly library: string; readonly handle: number },
  ) => void;
}
