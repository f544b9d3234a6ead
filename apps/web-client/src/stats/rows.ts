import type { HostStats } from '@peerdeck/protocol';
import type { FrameSummary } from '../media/latency.ts';
import type { PathKind, ViewerStats } from './summary.ts';

export interface StatsRow {
  readonly key: string;
  readonly label: string;
  readonly value: string;
}

const NONE = '–';
const PATHS: Readonly<Record<PathKind, string>> = {
  local: 'direct, same network',
  direct: 'direct, through NAT',
  relay: 'relayed (TURN)',
};

export interface ViewerFigures {
  readonly stats: ViewerStats | undefined;
  readonly frames: FrameSummary;
  /** Round trip to the host's program, not to its network. */
  readonly controlRttMs: number | undefined;
  /** What the signaling service's logs call this viewer's connection. */
  readonly connection: string | undefined;
}

/** The lines of the panel. */
export function viewerRows(figures: ViewerFigures): StatsRow[] {
  const { stats, frames, controlRttMs, connection } = figures;
  const size =
    stats?.width === undefined || stats.height === undefined
      ? NONE
      : `${stats.width} × ${stats.height}`;
  return [
    row('resolution', 'Resolution', size),
    row('codec', 'Codec', stats?.codec ?? NONE),
    row('fps', 'Frame rate', unit(stats?.fps, 'fps', 0)),
    row('bitrate', 'Bitrate', bitrate(stats?.bitrate)),
    row('rtt', 'Round trip', unit(stats?.rttMs ?? controlRttMs, 'ms', 1)),
    row('loss', 'Packet loss', percent(stats?.loss)),
    row('decode', 'Decode', unit(stats?.decodeMs, 'ms', 1)),
    row('jitter-buffer', 'Jitter buffer', unit(stats?.jitterBufferMs, 'ms', 1)),
    row('shown', 'Received to shown', unit(frames.receiveToShownP50, 'ms', 1)),
    row('dropped', 'Pictures dropped', stats === undefined ? NONE : String(stats.dropped)),
    row('path', 'Path', stats?.path === undefined ? NONE : PATHS[stats.path]),
    row('connection', 'Connection id', connection ?? NONE),
  ];
}

export function hostRows(host: HostStats | undefined): StatsRow[] {
  if (host === undefined) return [];
  return [
    row('host-fps', 'Frame rate', unit(host.fps, 'fps', 0)),
    row('host-bitrate', 'Bitrate', bitrate(host.bitrateBps)),
    row('host-target', 'Target', bitrate(host.targetBitrateBps)),
    row('host-encode', 'Encode', unit(host.encodeMs, 'ms', 1)),
    row('host-send', 'Capture to send', unit(host.captureToSendMs, 'ms', 1)),
    row('host-queue', 'Queue on the path', unit(host.queueDelayMs, 'ms', 1)),
    row('host-loss', 'Loss it sees', percent(host.lossFraction)),
    row('host-encoder', 'Encoder', host.encoder === '' ? NONE : host.encoder),
    row('host-reason', 'Rate control', host.reason === '' ? NONE : host.reason),
  ];
}

export function bitrate(bitsPerSecond: number | null | undefined): string {
  if (bitsPerSecond === undefined || bitsPerSecond === null) return NONE;
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}

function percent(share: number | null | undefined): string {
  if (share === undefined || share === null) return NONE;
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

function unit(value: number | null | undefined, name: string, digits: number): string {
  return value === undefined || value === null ? NONE : `${value.toFixed(digits)} ${name}`;
}

function row(key: string, label: string, value: string): StatsRow {
  return { key, label, value };
}
