import { FrameLog } from './latency.ts';

/** Chromium's older name of jitterBufferTarget, in seconds. */
interface DelayHints {
  jitterBufferTarget?: number | null;
  playoutDelayHint?: number | null;
}

/**
 * The picture: the video element with the stream of the session that is, and a canvas with the
 * last picture of the one that was. It owns the tracks that it is given.
 */
export class VideoStage {
  readonly frames = new FrameLog();
  readonly #video: HTMLVideoElement;
  readonly #still: HTMLCanvasElement;
  readonly #onFirstFrame: () => void;
  #hasPicture = false;
  #callback: number | undefined;

  /** `onFirstFrame`: each session's first picture is on the screen. */
  constructor(options: {
    readonly video: HTMLVideoElement;
    readonly still: HTMLCanvasElement;
    readonly onFirstFrame: () => void;
  }) {
    this.#video = options.video;
    this.#still = options.still;
    this.#onFirstFrame = options.onFirstFrame;
  }

  /** A picture of the present session is on the screen. */
  get hasPicture(): boolean {
    return this.#hasPicture;
  }

  /** The picture's size in its own pixels; 0 before the first one. */
  get size(): { readonly width: number; readonly height: number } {
    return { width: this.#video.videoWidth, height: this.#video.videoHeight };
  }

  /** Each kind has a stream of its own, so that no synchronisation holds the picture back. */
  attach(track: MediaStreamTrack, receiver: RTCRtpReceiver): void {
    if (track.kind !== 'video') return;
    wantNoDelay(receiver);
    this.#hasPicture = false;
    this.frames.clear();
    this.#video.srcObject = new MediaStream([track]);
    void this.#video.play().catch(() => undefined);
    this.#watch();
  }

  /** Draws the picture that is there, since the next session begins with none. */
  keepLast(): void {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#hasPicture || width === 0 || height === 0) return;
    this.#still.width = width;
    this.#still.height = height;
    this.#still.getContext('2d')?.drawImage(this.#video, 0, 0);
    this.#still.hidden = false;
  }

  /** The session of the picture goes on: the kept one is not needed. */
  resume(): void {
    if (this.#hasPicture) this.#still.hidden = true;
  }

  clear(): void {
    if (this.#callback !== undefined) this.#video.cancelVideoFrameCallback(this.#callback);
    this.#callback = undefined;
    this.#hasPicture = false;
    this.#video.srcObject = null;
    this.#still.hidden = true;
    this.#still.width = 0;
  }

  #watch(): void {
    const video = this.#video;
    if (typeof video.requestVideoFrameCallback !== 'function') {
      (video as HTMLMediaElement).addEventListener('playing', () => this.#shown(), { once: true });
      return;
    }
    if (this.#callback !== undefined) this.#video.cancelVideoFrameCallback(this.#callback);
    const onFrame: VideoFrameRequestCallback = (now, frame) => {
      this.frames.add(now, frame);
      this.#shown();
      this.#callback = this.#video.requestVideoFrameCallback(onFrame);
    };
    this.#callback = this.#video.requestVideoFrameCallback(onFrame);
  }

  #shown(): void {
    if (this.#hasPicture) return;
    this.#hasPicture = true;
    this.#still.hidden = true;
    this.#onFirstFrame();
  }
}

/** As little buffer as the browser allows. Only for pictures: sound needs its buffer. */
function wantNoDelay(receiver: RTCRtpReceiver): void {
  const hints = receiver as unknown as DelayHints;
  if ('jitterBufferTarget' in receiver) hints.jitterBufferTarget = 0;
  else if ('playoutDelayHint' in receiver) hints.playoutDelayHint = 0;
}
