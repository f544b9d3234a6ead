import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

import type { Probe } from '@peerdeck/harness/probe';
import type { Viewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';

/** What one viewer saw of a moving desktop. */
export interface Seen {
  /** Of the pictures that the desktop painted meanwhile, how many came: 1 is all of them. */
  share: number;
  keyframes: number;
  seconds: number;
}

/** Counts over so many paints, not over a time: on a slow machine it is the same test. */
export async function watch(viewer: Viewer, probe: Probe, paints: number): Promise<Seen> {
  const newest = (): number => Math.max(0, ...probe.paints.keys());
  const first = newest();
  const before = await viewer.inbound();
  const limitMs = 20_000 + paints * 200;
  await waitUntil(`${paints} paints`, limitMs, () => newest() >= first + paints);
  const after = await viewer.inbound();
  return {
    share: (after.framesDecoded - before.framesDecoded) / (newest() - first),
    keyframes: after.keyFramesDecoded - before.keyFramesDecoded,
    seconds: (after.timestamp - before.timestamp) / 1000,
  };
}

/** Resident memory of a process in megabytes. */
export function residentMb(pid: number): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m);
  return Number(line?.[1] ?? 0) / 1024;
}

/** Sockets that a process has open; a host has some for each peer connection. */
export function openSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith('socket:');
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}
