import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Child } from '@peerdeck/harness/child';
import { measureClock } from '@peerdeck/harness/clock';
import { openStack } from '@peerdeck/harness/stack';
import type { StackOptions } from '@peerdeck/harness/stack';
import { percentile, sum } from '@peerdeck/harness/statistics';
import { openViewer } from '@peerdeck/harness/viewer';
import { cpuMs } from './cpu.ts';
import { paintRate, samplesOf } from './glass.ts';
import { keepTicking } from './ticking.ts';

/** Built by `go build -o ../dist/floor .` in tools/bench/floor. */
export const floorProgram = fileURLToPath(new URL('dist/floor', import.meta.url));

/** What the host sent for one scene, to be sent again without capture and encoder. */
export interface Recording {
  pictures: { paint: number | undefined; data: Buffer }[];
}

export interface FloorFigures {
  glassToGlassP50: number;
  glassToGlassP95: number;
  paintToScriptP50: number;
  paintToReceivedP50: number;
  receivedToPresentedP50: number;
  decodeP50: number;
  fps: number;
  hostCpuPerFrame: number;
  kbps: number;
}

/** Records `seconds` of a scene as Chromium received it, from an IDR on. */
export async function recordScene(options: StackOptions, seconds: number): Promise<Recording> {
  const stack = await openStack({ ...options, followEncoded: true });
  const { probe, viewer } = stack;
  try {
    await viewer.waitForPicture();
    probe.start(paintRate);
    await viewer.waitForPaint(120);
    await viewer.page.evaluate(() => window.peerdeckPeers?.record());
    await viewer.requestKeyframe();
    await viewer.takeFrames();
    await viewer.waitForPaint(120 + Math.round(seconds * paintRate), seconds * 1000 + 20_000);
    await probe.stop();
    const encoded = await viewer.page.evaluate(() =>
      (window.peerdeckPeers?.encoded ?? []).flatMap(({ kind, data, rtpTimestamp }) => {
        if (!data || rtpTimestamp === undefined) return [];
        const bytes = new Uint8Array(data);
        let text = '';
        for (let i = 0; i < bytes.length; i += 4096) {
          text += String.fromCharCode(...bytes.subarray(i, i + 4096));
        }
        return [{ kind, rtpTimestamp, base64: btoa(text) }];
      }),
    );
    const paints = new Map<number, number>();
    for (const { rtpTimestamp, paint } of await viewer.takeFrames()) {
      if (rtpTimestamp !== null && paint !== null) paints.set(rtpTimestamp, paint);
    }
    const first = encoded.findIndex(({ kind }) => kind === 'key');
    if (first < 0) throw new Error('the recording has no keyframe');
    return {
      pictures: encoded.slice(first).map(({ rtpTimestamp, base64 }) => ({
        paint: paints.get(rtpTimestamp),
        data: Buffer.from(base64, 'base64'),
      })),
    };
  } catch (error) {
    console.error(stack.report());
    throw error;
  } finally {
    await stack.close();
  }
}

/** Sends the recording once through Pion alone, with the browser of a run of its own. */
export async function measureFloor(
  browser: Parameters<typeof openViewer>[0]['browser'],
  recording: Recording,
  size: { width: number; height: number },
): Promise<FloorFigures> {
  if (!existsSync(floorProgram)) throw new Error(`${floorProgram} is not built`);
  const directory = mkdtempSync(join(tmpdir(), 'peerdeck-floor-'));
  const file = join(directory, 'stream');
  writeFileSync(
    file,
    Buffer.concat(
      recording.pictures.flatMap(({ data }) => {
        const size = Buffer.alloc(4);
        size.writeUInt32LE(data.length);
        return [size, data];
      }),
    ),
  );
  const painted = new Map<number, number>();
  const child = new Child({
    name: 'floor',
    command: floorProgram,
    args: ['--stream', file],
    onLine: (line) => {
      const [word, number, us] = line.split(' ');
      const paint = recording.pictures[Number(number)]?.paint;
      // an unchanged picture repeats its paint: the first one counts, as with a live host
      if (word === 'paint' && paint !== undefined && !painted.has(paint)) {
        painted.set(paint, Number(us));
      }
    },
  });
  const viewer = await openViewer({ browser, ...size });
  try {
    const [, port] = await child.waitForLine(/^listening (\d+)/, 5000);
    await viewer.open(`http://127.0.0.1:${port}/`);
    await viewer.waitForState('connected');
    await viewer.startReading();
    await keepTicking(viewer.page);
    const cpuBefore = cpuMs([child.pid]);
    const started = performance.now();
    child.write(`run ${paintRate}`);
    await child.waitForLine(/^done /, (recording.pictures.length / paintRate) * 2000 + 5000);
    const elapsed = (performance.now() - started) / 1000;
    const cpu = cpuMs([child.pid]) - cpuBefore;
    const { toMonotonicUs } = await measureClock(viewer.page);
    // the decoder starts in the first second
    const frames = (await viewer.takeFrames()).filter((_frame, i) => i > paintRate);
    const samples = samplesOf(painted, frames, toMonotonicUs);
    const all = (pick: (s: (typeof samples)[number]) => number | undefined): number[] =>
      samples.map(pick).filter((value) => value !== undefined);
    return {
      glassToGlassP50: percentile(all((s) => s.presented), 0.5), // prettier-ignore
      glassToGlassP95: percentile(all((s) => s.presented), 0.95), // prettier-ignore
      paintToScriptP50: percentile(all((s) => s.script), 0.5), // prettier-ignore
      paintToReceivedP50: percentile(all((s) => s.received), 0.5), // prettier-ignore
      receivedToPresentedP50: percentile(
        all((s) => s.received && s.presented - s.received),
        0.5,
      ),
      decodeP50: percentile(all((s) => s.decode), 0.5), // prettier-ignore
      fps: frames.length / (elapsed - 1),
      hostCpuPerFrame: cpu / recording.pictures.length,
      kbps: (sum(recording.pictures.map(({ data }) => data.length)) * 8) / 1000 / elapsed,
    };
  } finally {
    await viewer.close();
    await child.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
