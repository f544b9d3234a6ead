/**
 * Runs in the page: reads the code of xprobe (xprobe/code.h) from each frame that the video
 * presents. Playwright sends the function's text, so it may refer to nothing outside itself.
 */

/** Times are the page's `performance.now()`, milliseconds. */
export interface SeenFrame {
  /** The callback's own time: the tick in which the frame was presented. */
  now: number;
  /** When the callback ran, and when the code had been read. */
  called: number;
  read: number;
  /** When its last packet arrived. */
  received: number | null;
  /** Frames presented so far; a gap means frames that the compositor skipped. */
  presented: number;
  /** Seconds spent decoding. */
  decode: number | null;
  rtpTimestamp: number | null;
  width: number;
  height: number;
  /** Number of the paint, or null when there was no code to be read. */
  paint: number | null;
  clicks: number;
}

export interface PageReader {
  frames: SeenFrame[];
  /** The frames since the last call. */
  take(): SeenFrame[];
}

declare global {
  interface Window {
    peerdeckReader?: PageReader;
  }
}

export function installReader(): void {
  if (window.peerdeckReader) return;
  const cells = 32;
  const bound = 100_000;
  const frames: SeenFrame[] = [];
  window.peerdeckReader = { frames, take: () => frames.splice(0) };

  const crc8 = (bytes: number[]): number => {
    let crc = 0xff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80 ? (crc << 1) ^ 0x07 : crc << 1) & 0xff;
    }
    return crc;
  };
  /** `isWhite`: of each cell, from the left. */
  const decode = (isWhite: (cell: number) => boolean): { paint: number | null; clicks: number } => {
    let bits = 0;
    for (let cell = 0; cell < cells; cell++) bits = (bits << 1) | (isWhite(cell) ? 1 : 0);
    const paint = (bits >>> 12) & 0xffff;
    const clicks = (bits >>> 8) & 0xf;
    const whole = bits >>> 28 === 0xa && crc8([paint >> 8, paint & 0xff, clicks]) === (bits & 0xff);
    return { paint: whole ? paint : null, clicks };
  };

  // Two rows of luma are all that is needed; a canvas converts the whole picture to RGB first, which
  // at 1080p costs more than the decoder does. Pages that are not secure have no VideoFrame.
  const readLuma = async (video: HTMLVideoElement): Promise<ReturnType<typeof decode>> => {
    const frame = new VideoFrame(video);
    try {
      const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
      const y = Math.floor(height / 72) * 2;
      const options = { rect: { x: 0, y, width: width & ~1, height: 2 } };
      const luma = new Uint8Array(frame.allocationSize(options));
      const [plane] = await frame.copyTo(luma, options);
      const offset = plane?.offset ?? 0;
      const at = (cell: number): number => offset + Math.floor(((cell + 0.5) * width) / cells);
      return decode((cell) => (luma[at(cell)] ?? 0) >= 126);
    } finally {
      frame.close();
    }
  };
  const canvas = document.createElement('canvas');
  canvas.width = cells;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const readCanvas = (video: HTMLVideoElement): ReturnType<typeof decode> => {
    const { videoWidth: width, videoHeight: height } = video;
    context?.drawImage(video, 0, 0, width, Math.floor(height / 18), 0, 0, cells, 1);
    const data = context?.getImageData(0, 0, cells, 1).data;
    return decode((cell) => (data?.[cell * 4 + 1] ?? 0) >= 128);
  };

  let last = Promise.resolve(); // frames are noted in the order in which they came
  const watch = (video: HTMLVideoElement): void => {
    video.requestVideoFrameCallback((now, metadata) => {
      const called = performance.now();
      const reading = 'VideoFrame' in window ? readLuma(video) : Promise.resolve(readCanvas(video));
      last = last.then(async () => {
        const code = await reading.catch(() => ({ paint: null, clicks: 0 }));
        if (frames.length >= bound) frames.shift();
        frames.push({
          now,
          called,
          read: performance.now(),
          received: metadata.receiveTime ?? null,
          presented: metadata.presentedFrames,
          decode: metadata.processingDuration ?? null,
          rtpTimestamp: metadata.rtpTimestamp ?? null,
          width: metadata.width,
          height: metadata.height,
          ...code,
        });
      });
      watch(video);
    });
  };
  const video = document.querySelector<HTMLVideoElement>('#video');
  if (!video) throw new Error('the page has no #video');
  watch(video);
}
