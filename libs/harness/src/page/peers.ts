/**
 * Runs in the page before its own scripts: remembers the peer connections it makes, so that a test
 * can read their statistics and ask for keyframes, or has them take relays only. It changes
 * nothing else.
 */

/** What one incoming frame was, as the encoded-frame transform saw it; or a request of ours. */
export interface EncodedFrame {
  kind: 'key' | 'delta' | 'empty' | 'request';
  bytes: number;
  rtpTimestamp?: number;
  /** The frame itself (H.264: Annex B), while `record` is on. */
  data?: ArrayBuffer;
}

/** The control channel's `host-stats` message, with the page's time of arrival. */
export interface HostStats {
  at: number;
  fps: number;
  bitrateBps: number;
  targetBitrateBps: number;
  encodeMs: number | null;
  captureToSendMs: number | null;
  lossFraction: number | null;
  reason: string;
}

export interface PagePeers {
  connections: RTCPeerConnection[];
  channels: RTCDataChannel[];
  /** What arrived below the decoder, if `rememberPeers` was asked to follow it. */
  encoded: EncodedFrame[];
  /** The host's own statistics, as they came on the control channel while the page asked. */
  hostStats: HostStats[];
  /** Keeps the bytes of the frames in `encoded` too, from now on. */
  record(): void;
  /** Makes the browser send a PLI; resolves when it was handed to the transport. */
  requestKeyframe(): Promise<void>;
}

declare global {
  interface Window {
    peerdeckPeers?: PagePeers;
  }
}

export interface RememberOptions {
  followEncoded: boolean;
  relayOnly: boolean;
}

export function rememberPeers({ followEncoded, relayOnly }: RememberOptions): void {
  const Original = window.RTCPeerConnection;
  const connections: RTCPeerConnection[] = [];
  const channels: RTCDataChannel[] = [];
  const encoded: EncodedFrame[] = [];
  const hostStats: HostStats[] = [];
  let worker: Worker | undefined;
  const answers: ((error: string | undefined) => void)[] = [];

  // The worker passes each frame on untouched and reports its kind.
  const source = `
    let current;
    let recording = false;
    onrtctransform = ({ transformer }) => {
      current = transformer;
      transformer.readable.pipeThrough(new TransformStream({
        transform(frame, controller) {
          const { type: kind, data, timestamp: rtpTimestamp } = frame;
          const copy = recording ? { rtpTimestamp, data: data.slice(0) } : {};
          postMessage({ kind, bytes: data.byteLength, ...copy });
          controller.enqueue(frame);
        },
      })).pipeTo(transformer.writable).catch(() => {});
      postMessage({ ready: true });
    };
    onmessage = ({ data: command }) => {
      if (command === 'record') {
        recording = true;
        return;
      }
      postMessage({ kind: 'request', bytes: 0 });
      current.sendKeyFrameRequest().then(
        () => postMessage({ requested: true }),
        (error) => postMessage({ requested: true, error: String(error) }),
      );
    };
  `;

  const follow = (receiver: RTCRtpReceiver): void => {
    worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    worker.onmessage = ({ data }): void => {
      if (data.kind) encoded.push(data as EncodedFrame);
      if (data.requested) answers.shift()?.(data.error as string | undefined);
    };
    const { RTCRtpScriptTransform } = window as unknown as {
      RTCRtpScriptTransform: new (worker: Worker) => unknown;
    };
    (receiver as unknown as { transform: unknown }).transform = new RTCRtpScriptTransform(worker);
  };

  const policy = relayOnly ? ({ iceTransportPolicy: 'relay' } as const) : {};
  class Remembered extends Original {
    constructor(configuration?: RTCConfiguration) {
      super({ ...configuration, ...policy });
      connections.push(this);
    }
    override setConfiguration(configuration?: RTCConfiguration): void {
      super.setConfiguration({ ...configuration, ...policy });
    }
  }
  if (followEncoded) {
    // A receiver without a transform at its start passes its frames by for good.
    Remembered.prototype.addTransceiver = function (media, init): RTCRtpTransceiver {
      const transceiver = Original.prototype.addTransceiver.call(this, media, init);
      if (transceiver.receiver.track.kind === 'video') follow(transceiver.receiver);
      return transceiver;
    };
  }
  Remembered.prototype.createDataChannel = function (label, options): RTCDataChannel {
    const channel = Original.prototype.createDataChannel.call(this, label, options);
    channels.push(channel);
    if (label !== 'control') return channel;
    channel.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') return;
      const message = JSON.parse(data);
      if (message.type === 'host-stats') hostStats.push({ ...message, at: performance.now() });
    });
    return channel;
  };
  window.RTCPeerConnection = Remembered;

  window.peerdeckPeers = {
    connections,
    channels,
    encoded,
    hostStats,
    record: () => worker?.postMessage('record'),
    requestKeyframe(): Promise<void> {
      return new Promise((resolve, reject) => {
        answers.push((error) => (error === undefined ? resolve() : reject(new Error(error))));
        worker?.postMessage('keyframe');
      });
    },
  };
}
