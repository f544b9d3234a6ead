import { measureClock } from '@peerdeck/harness/clock';
import type { Scene } from '@peerdeck/harness/probe';
import type { Stack } from '@peerdeck/harness/stack';
import { median, percentile, sum } from '@peerdeck/harness/statistics';
import type { SeenFrame } from '@peerdeck/harness/page/reader';
import { browserProcesses, cpuMs } from './cpu.ts';

/** Paints a second: not 60, or the phases of painter and browser lock and a run measures one accident. */
export const paintRate = 59.7;

/** Milliseconds unless the name says otherwise. */
export interface GlassFigures {
  /** Paint handed to the X server -> the tick in which Chromium presented it. */
  glassToGlassP50: number;
  glassToGlassP95: number;
  /** Paint -> the page's script runs for that frame and could read it. */
  paintToScriptP50: number;
  /** Paint -> last packet of its frame received by Chromium. */
  paintToReceivedP50: number;
  receivedToPresentedP50: number;
  decodeP50: number;
  /** In the host, p50 of its own clock: the encoder alone, and from the grab to the socket. */
  encodeP50: number;
  captureToSendP50: number;
  /** Frames presented a second, and share of the paints that were presented. */
  fps: number;
  presentedShare: number;
  kbps: number;
  hostCpuPerFrame: number;
  xServerCpuPerFrame: number;
  browserCpuPerFrame: number;
  signalingCpuPercent: number;
}

interface Sample {
  presented: number;
  script: number;
  received: number | undefined;
  decode: number | undefined;
}

/** The first presentation of each paint, milliseconds after the paint. */
export function samplesOf(
  painted: ReadonlyMap<number, number>,
  frames: readonly SeenFrame[],
  toMonotonicUs: (pageMs: number) => number,
): Sample[] {
  const seen = new Set<number>();
  const samples: Sample[] = [];
  for (const { paint, now, called, received, decode } of frames) {
    const us = paint === null ? undefined : painted.get(paint);
    if (paint === null || us === undefined || seen.has(paint)) continue;
    seen.add(paint);
    samples.push({
      presented: (toMonotonicUs(now) - us) / 1000,
      script: (toMonotonicUs(called) - us) / 1000,
      received: received === null ? undefined : (toMonotonicUs(received) - us) / 1000,
      decode: decode === null ? undefined : decode * 1000,
    });
  }
  return samples;
}

const present = (values: (number | undefined)[]): number[] =>
  values.filter((value) => value !== undefined);

/** One run: `seconds` of paints on `scene`, after a second to settle. */
export async function measureGlass(
  stack: Stack,
  scene: Scene,
  seconds: number,
): Promise<GlassFigures> {
  const { probe, viewer, host, display, signaling } = stack;
  await probe.scene(scene);
  await probe.reset();
  const settle = Math.round(paintRate * 2);
  await probe.run(paintRate, settle);
  await viewer.waitForPaint(settle);
  await viewer.takeFrames();
  await viewer.askHostStats(true);
  probe.paints.clear();

  const browserPids = browserProcesses();
  const readCpu = (): number[] => [
    cpuMs([host.pid]),
    cpuMs([display.pid]),
    cpuMs(browserPids),
    cpuMs([signaling.child.pid]),
  ];
  const cpuBefore = readCpu();
  const videoBefore = await viewer.inbound();
  const count = Math.round(paintRate * seconds);
  const started = performance.now();
  await probe.run(paintRate, count);
  await viewer.waitForPaint(settle + count);
  const elapsed = (performance.now() - started) / 1000;
  const cpu = readCpu().map((value, i) => value - (cpuBefore[i] ?? 0));
  const video = await viewer.inbound();
  const { toMonotonicUs } = await measureClock(viewer.page);

  const own = await viewer.takeHostStats();
  await viewer.askHostStats(false);
  const samples = samplesOf(probe.paints, await viewer.takeFrames(), toMonotonicUs);
  const glass = samples.map(({ presented }) => presented);
  const received = present(samples.map((sample) => sample.received));
  const waited = present(samples.map((s) => s.received && s.presented - s.received));
  const decoded = video.framesDecoded - videoBefore.framesDecoded;
  return {
    glassToGlassP50: percentile(glass, 0.5),
    glassToGlassP95: percentile(glass, 0.95),
    paintToScriptP50: percentile(
      samples.map(({ script }) => script),
      0.5,
    ),
    paintToReceivedP50: percentile(received, 0.5),
    receivedToPresentedP50: percentile(waited, 0.5),
    decodeP50: percentile(present(samples.map(({ decode }) => decode)), 0.5),
    encodeP50: median(present(own.map(({ encodeMs }) => encodeMs ?? undefined))),
    captureToSendP50: median(present(own.map((stats) => stats.captureToSendMs ?? undefined))),
    fps: samples.length / elapsed,
    presentedShare: samples.length / count,
    kbps: ((video.bytesReceived - videoBefore.bytesReceived) * 8) / 1000 / elapsed,
    hostCpuPerFrame: (cpu[0] ?? 0) / decoded,
    xServerCpuPerFrame: (cpu[1] ?? 0) / decoded,
    browserCpuPerFrame: (cpu[2] ?? 0) / decoded,
    signalingCpuPercent: sum(cpu.slice(3)) / elapsed / 10,
  };
}

/** CPU that the host needs for a still desktop with one viewer, percent of a core. */
export async function measureIdle(stack: Stack, seconds: number): Promise<number> {
  const { probe, viewer, host } = stack;
  await probe.scene('still');
  // the picture sharpens for a while after its last change
  let frames = -1;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const { framesReceived } = await viewer.inbound();
    if (framesReceived === frames) break;
    frames = framesReceived;
  }
  const before = cpuMs([host.pid]);
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return ((cpuMs([host.pid]) - before) / (performance.now() - started)) * 100;
}
