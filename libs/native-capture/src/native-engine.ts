import type { CommandQueue } from './command-queue.ts';
import { isNativeError } from './errors.ts';
import type { EventRouter } from './event-router.ts';
import { options as pack, type PionLibrary } from './libraries.ts';
import type { Engine, EngineOptions, Peer, PeerOptions, Stream } from './media-host.ts';
import { NativePeer } from './native-peer.ts';

export interface NativeEngineParts {
  readonly pion: PionLibrary;
  /** The one queue that owns pion_webrtc. */
  readonly queue: CommandQueue;
  readonly router: EventRouter;
  readonly onClosed: (engine: NativeEngine) => void;
}

/** A pion_webrtc engine with its streams and peers. All its calls go through the one Go queue. */
export class NativeEngine implements Engine {
  readonly #parts: NativeEngineParts;
  readonly #handle: number;
  readonly #peers = new Set<NativePeer>();
  readonly #streams = new Set<NativeStream>();
  #closing: Promise<void> | undefined;

  static async open(parts: NativeEngineParts, options: EngineOptions): Promise<NativeEngine> {
    const { result } = await parts.queue.run('pdw_engine_open', () =>
      parts.pion.callOut('pdw_engine_open', ...pack(options)),
    );
    return new NativeEngine(parts, result);
  }

  private constructor(parts: NativeEngineParts, handle: number) {
    this.#parts = parts;
    this.#handle = handle;
  }

  async openStream(options: { readonly codec: 'h264' } = { codec: 'h264' }): Promise<Stream> {
    const { pion, queue } = this.#parts;
    const { result } = await queue.run('pdw_stream_open', () =>
      pion.callOut('pdw_stream_open', this.#handle, ...pack(options)),
    );
    const stream = new NativeStream(pion, queue, result, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  async openPeer(options: PeerOptions = {}): Promise<Peer> {
    const { pion, queue, router } = this.#parts;
    const { result } = await queue.run('pdw_peer_open', () =>
      pion.callOut('pdw_peer_open', this.#handle, ...pack(options)),
    );
    const peer = new NativePeer({
      pion,
      queue,
      router,
      handle: result,
      onClosed: () => this.#peers.delete(peer),
    });
    this.#peers.add(peer);
    return peer;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await Promise.all([...this.#peers].map((peer) => peer.close()));
      await Promise.all([...this.#streams].map((stream) => stream.close()));
      await this.#parts.queue.run('pdw_engine_close', () =>
        this.#parts.pion.call('pdw_engine_close', this.#handle),
      );
    } finally {
      this.#parts.onClosed(this);
    }
  }
}

/** A stream of an engine; its handle is the `user` of pdw_push. */
export class NativeStream implements Stream {
  readonly handle: number;
  readonly #pion: PionLibrary;
  readonly #queue: CommandQueue;
  readonly #onClosed: () => void;
  #closing: Promise<void> | undefined;

  constructor(pion: PionLibrary, queue: CommandQueue, handle: number, onClosed: () => void) {
    this.#pion = pion;
    this.#queue = queue;
    this.handle = handle;
    this.#onClosed = onClosed;
  }

  /** Address 0 takes it back; resolves when no wake runs. A closed stream wakes nobody. */
  async setWake(address: bigint, user: number): Promise<void> {
    if (address === 0n && this.#closing !== undefined) return this.#closing;
    await this.#queue
      .run('pdw_stream_set_wake', () =>
        this.#pion.call('pdw_stream_set_wake', this.handle, address, user),
      )
      .catch((error: unknown) => {
        if (address !== 0n || !isNativeError(error, 'PD_ERR_BAD_HANDLE')) throw error;
      });
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue
      .run('pdw_stream_close', () => this.#pion.call('pdw_stream_close', this.handle))
      .then(() => undefined)
      .finally(this.#onClosed);
    return this.#closing;
  }
}
