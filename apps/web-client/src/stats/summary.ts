import type { PathSample, Sample } from './sample.ts';

/** What the viewer sees of one second; undefined where nothing was measured. */
export interface ViewerStats {
  readonly fps: number | undefined;
  /** Bits a second that arrived. */
  readonly bitrate: number | undefined;
  /** Share of packets of this second that did not arrive, 0..1. */
  readonly loss: number | undefined;
  readonly decodeMs: number | undefined;
  readonly jitterBufferMs: number | undefined;
  readonly jitterMs: number | undefined;
  readonly rttMs: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly codec: string | undefined;
  readonly decoder: string | undefined;
  readonly path: PathKind | undefined;
  readonly protocol: string | undefined;
  /** Totals of the session. */
  readonly dropped: number;
  readonly plis: number;
}

/** `local`: both in one network; `direct`: through routers; `relay`: over a TURN server. */
export type PathKind = 'local' | 'direct' | 'relay';

/** The difference of two samples of one session; totals that fell belong to another session. */
export function summarize(before: Sample | undefined, now: Sample): ViewerStats {
  const video = now.video;
  const sameSession =
    before?.video !== undefined && video !== undefined && before.video.bytes <= video.bytes;
  const old = sameSession ? before.video : undefined;
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000;
  const rate = (key: 'bytes' | 'decoded') =>
    old === undefined || video === undefined || seconds <= 0
      ? undefined
      : (video[key] - old[key]) / seconds;
  const mean = (sum: 'decodeTime' | 'jitterBufferDelay', of: 'decoded' | 'jitterBufferEmitted') => {
    if (old === undefined || video === undefined || video[of] <= old[of]) return undefined;
    return ((video[sum] - old[sum]) / (video[of] - old[of])) * 1000;
  };
  const bytes = rate('bytes');
  return {
    fps: rate('decoded'),
    bitrate: bytes === undefined ? undefined : bytes * 8,
    loss: lossOf(old, video),
    decodeMs: mean('decodeTime', 'decoded'),
    jitterBufferMs: mean('jitterBufferDelay', 'jitterBufferEmitted'),
    jitterMs: milliseconds(video?.jitter),
    rttMs: milliseconds(now.path?.roundTrip),
    width: video?.width,
    height: video?.height,
    codec: video?.codec,
    decoder: video?.decoder,
    path: now.path && pathKind(now.path),
    protocol: now.path?.protocol,
    dropped: video?.dropped ?? 0,
    plis: video?.plis ?? 0,
  };
}

export function pathKind(path: PathSample): PathKind {
  if (path.local === 'relay' || path.remote === 'relay') return 'relay';
  return path.local === 'host' && path.remote === 'host' ? 'local' : 'direct';
}

function lossOf(old: Sample['video'], video: Sample['video']): number | undefined {
  if (old === undefined || video === undefined) return undefined;
  // Packets that come late are taken off the total again, so it can fall.
  const lost = Math.max(0, video.lost - old.lost);
  const received = Math.max(0, video.packets - old.packets);
  return lost + received === 0 ? undefined : lost / (lost + received);
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

export type Quality = 'good' | 'fair' | 'poor';

/**
 * One word for the state of the path, by what people notice in a remote desktop. A low frame
 * rate says nothing, nor does the browser's count of freezes: a still desktop sends nothing, and
 * the browser takes each rest for a freeze.
 */
export function qualityOf(stats: {
  readonly rttMs: number | undefined;
  readonly loss: number | undefined;
}): Quality | undefined {
  const { rttMs, loss } = stats;
  if (rttMs === undefined && loss === undefined) return undefined;
  const rtt = rttMs ?? 0;
  const lost = loss ?? 0;
  if (rtt > 180 || lost > 0.05) return 'poor';
  if (rtt > 80 || lost > 0.01) return 'fair';
  return 'good';
}

/** One bad second is no news: the better of the last two is shown. */
export function steadyQuality(
  before: Quality | undefined,
  now: Quality | undefined,
): Quality | undefined {
  if (before === undefined || now === undefined) return now === 'poor' ? 'fair' : now;
  return RANK[before] < RANK[now] ? before : now;
}

const RANK: Readonly<Record<Quality, number>> = { good: 0, fair: 1, poor: 2 };
