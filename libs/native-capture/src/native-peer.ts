import { EventEmitter } from 'node:events';
import { PD_CHANNELS, PD_EVENTS } from './abi.ts';
import type { CommandQueue } from './command-queue.ts';
import { NativeError } from './errors.ts';
import { PD_ERRORS } from './abi.ts';
import { parsePayload, type EventRouter } from './event-router.ts';
import {
  arrivalsSchema,
  candidateSchema,
  channelStateSchema,
  feedbackSchema,
  pathSchema,
  peerStateSchema,
  type IceCandidate,
} from './events.ts';
import { options as pack, type PionLibrary } from './libraries.ts';
import type { Channel, Pace, Peer, PeerEvents } from './media-host.ts';
import type { EventRecord } from './record-decoder.ts';

const channelNumbers: Record<Channel, number> = {
  control: PD_CHANNELS.PD_CHANNEL_CONTROL,
  input: PD_CHANNELS.PD_CHANNEL_INPUT,
  pointer: PD_CHANNELS.PD_CHANNEL_POINTER,
  files: PD_CHANNELS.PD_CHANNEL_FILES,
};
const channelNames = new Map<number, Channel>(
  Object.entries(channelNumbers).map(([name, number]) => [number, name as Channel]),
);

export interface NativePeerParts {
  readonly pion: PionLibrary;
  readonly queue: CommandQueue;
  readonly router: EventRouter;
  readonly handle: number;
  readonly onClosed: () => void;
}

/** One viewer's connection in pion_webrtc. */
export class NativePeer extends EventEmitter<PeerEvents> implements Peer {
  readonly #parts: NativePeerParts;
  readonly #decoder = new TextDecoder();
  #closing: Promise<void> | undefined;

  constructor(parts: NativePeerParts) {
    super();
    this.#parts = parts;
    parts.router.register(parts.handle, (record) => this.#onRecord(record));
  }

  async answer(offerSdp: string): Promise<string> {
    const offer = Buffer.from(offerSdp, 'utf8');
    const { pion, handle } = this.#parts;
    const { out } = await this.#run('pdw_peer_answer', () =>
      pion.callOut('pdw_peer_answer', handle, offer, offer.length),
    );
    return out;
  }

  async addCandidate(candidate: IceCandidate): Promise<void> {
    const { pion, handle } = this.#parts;
    await this.#run('pdw_peer_add_candidate', () =>
      pion.callOut('pdw_peer_add_candidate', handle, ...pack(candidate)),
    );
  }

  async send(channel: Channel, message: string | Uint8Array): Promise<void> {
    const isText = typeof message === 'string';
    const bytes = isText ? Buffer.from(message, 'utf8') : Buffer.from(message);
    const { pion, handle } = this.#parts;
    await this.#run('pdw_peer_send', () =>
      pion.call(
        'pdw_peer_send',
        handle,
        channelNumbers[channel],
        isText ? 1 : 0,
        bytes,
        bytes.length,
      ),
    );
  }

  async setVideo(enabled: boolean): Promise<void> {
    const { pion, handle } = this.#parts;
    await this.#run('pdw_peer_set_video', () =>
      pion.call('pdw_peer_set_video', handle, enabled ? 1 : 0),
    );
  }

  async setInput(accepted: boolean): Promise<void> {
    const { pion, handle } = this.#parts;
    await this.#run('pdw_peer_set_input', () =>
      pion.call('pdw_peer_set_input', handle, accepted ? 1 : 0),
    );
  }

  async setPace({ bitsPerSecond, gain, windowBytes }: Pace): Promise<void> {
    const { pion, handle } = this.#parts;
    await this.#run('pdw_peer_set_pace', () =>
      pion.call(
        'pdw_peer_set_pace',
        handle,
        Math.round(bitsPerSecond),
        gain,
        Math.round(windowBytes),
      ),
    );
  }

  close(options: { readonly flushMs?: number } = {}): Promise<void> {
    const { pion, queue, handle, router, onClosed } = this.#parts;
    this.#closing ??= queue
      .run('pdw_peer_close', () => pion.call('pdw_peer_close', handle, options.flushMs ?? 0))
      .then(() => undefined)
      .finally(() => {
        router.unregister(handle);
        this.removeAllListeners();
        onClosed();
      });
    return this.#closing;
  }

  #run<T>(name: string, command: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      const text = 'the peer has been closed';
      return Promise.reject(new NativeError(name, PD_ERRORS.PD_ERR_CLOSED, text));
    }
    return this.#parts.queue.run(name, command);
  }

  #onRecord(record: EventRecord): void {
    switch (record.type) {
      case PD_EVENTS.PD_EVENT_PEER_STATE:
        this.emit('state', parsePayload(peerStateSchema, record).state);
        return;
      case PD_EVENTS.PD_EVENT_CANDIDATE:
        this.emit('candidate', parsePayload(candidateSchema, record));
        return;
      case PD_EVENTS.PD_EVENT_CHANNEL: {
        const channel = channelNames.get(record.channel);
        if (channel === undefined) return;
        this.emit('channel', channel, parsePayload(channelStateSchema, record).state);
        return;
      }
      case PD_EVENTS.PD_EVENT_DATA:
        this.#onData(record);
        return;
      case PD_EVENTS.PD_EVENT_FEEDBACK:
        this.emit('feedback', parsePayload(feedbackSchema, record));
        return;
      case PD_EVENTS.PD_EVENT_ARRIVALS:
        this.emit('arrivals', parsePayload(arrivalsSchema, record));
        return;
      case PD_EVENTS.PD_EVENT_PATH:
        this.emit('path', parsePayload(pathSchema, record));
        return;
      default: // a newer library may say more
    }
  }

  #onData(record: EventRecord): void {
    const channel = channelNames.get(record.channel);
    const flags = record.payload[0];
    if (channel === undefined || flags === undefined) return;
    const body = record.payload.subarray(1);
    if ((flags & 1) === 1) this.emit('text', channel, this.#decoder.decode(body));
    else this.emit('data', channel, Uint8Array.from(body));
  }
}
