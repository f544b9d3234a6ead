import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import { chromiumPath } from '@peerdeck/harness/browser';
import { Child } from '@peerdeck/harness/child';
import { measureClock } from '@peerdeck/harness/clock';
import { openDisplay } from '@peerdeck/harness/display';
import { Host } from '@peerdeck/harness/host';
import type { VideoConfig } from '@peerdeck/harness/host';
import { Probe } from '@peerdeck/harness/probe';
import type { Scene } from '@peerdeck/harness/probe';
import { openStack } from '@peerdeck/harness/stack';
import type { Stack } from '@peerdeck/harness/stack';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { delay, monotonicUs } from '@peerdeck/harness/wait';
import { machineTimes } from '../cpu.ts';
import { paintRate } from '../glass.ts';
import { keepTicking } from '../ticking.ts';
import { hostAddress, ShapedNetwork } from './network.ts';
import { parseDecisions, shownFrames } from './record.ts';
import type { Record } from './record.ts';
import type { Scenario } from './scenarios.ts';
import { turns, ways } from './step.ts';

export interface RunOptions {
  readonly program: string;
  readonly scenario: Scenario;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly content: Scene;
  /** Of the link's accidents. */
  readonly seed: number;
  readonly size: { readonly width: number; readonly height: number };
  /** Of the host agent; what is not said is the product's own. */
  readonly video: VideoConfig;
}

const port = 8080;
const downloadPort = 8081;
/** Pictures that were under way at the end of the time measured still count. */
const drainMs = 1500;

/** What a run has opened, closed in reverse. */
class Opened {
  readonly #closers: (() => Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  keep<T extends { close(): Promise<void> }>(part: T): T {
    this.#closers.unshift(() => part.close());
    return part;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Idempotent: whoever calls it waits until all is closed. */
  close(): Promise<void> {
    return (this.#closing ??= this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    for (let next = this.#closers.shift(); next; next = this.#closers.shift()) {
      await next().catch(() => {});
    }
  }
}

/** One run of the whole product over the shaper. `opened` is told of all that has to be closed. */
export async function runScenario(
  options: RunOptions,
  onOpen: (close: () => Promise<void>) => void,
): Promise<Record> {
  const opened = new Opened();
  onOpen(() => opened.close());
  try {
    const { program, scenario, seed } = options;
    const network = opened.keep(new ShapedNetwork(program, scenario.link, seed));
    await network.ready();
    // pages of other origins than this machine get no VideoFrame without TLS, and a canvas is slow
    const secure = `--unsafely-treat-insecure-origin-as-secure=http://${hostAddress}:${port}`;
    const stack = opened.keep(
      await openStack({
        ...options.size,
        address: hostAddress,
        video: options.video,
        signalingEnv: { WS_PORT: `${port}` },
        browserPath: network.wrapper('browser', chromiumPath, secure),
      }),
    );
    try {
      return await measure(options, network, stack, opened);
    } catch (error) {
      if (!opened.isClosing) console.error(stack.report());
      throw error;
    }
  } finally {
    await opened.close();
  }
}

async function measure(
  options: RunOptions,
  network: ShapedNetwork,
  stack: Stack,
  opened: Opened,
): Promise<Record> {
  const { scenario, seconds } = options;
  const { viewer, probe, host } = stack;
  await viewer.waitForPicture();
  await keepTicking(viewer.page);
  await probe.scene(options.content);
  await probe.reset();
  probe.start(paintRate);
  const other =
    scenario.beside === 'peerdeck' ? await besidePeerdeck(options, stack, opened) : undefined;
  if (scenario.beside === 'tcp') await besideDownload(network, opened);
  await delay(options.warmUpSeconds * 1000);
  if (scenario.stillSeconds !== undefined) {
    await probe.stop();
    await delay(scenario.stillSeconds * 1000);
    probe.start(paintRate);
  }

  const script = scenario.script(seconds);
  const before = await viewer.inbound();
  const otherBefore = other && (await other.inbound());
  const timesBefore = machineTimes();
  const startUs = await network.start(script);
  const endUs = startUs + seconds * 1e6;
  await delay((endUs - monotonicUs()) / 1000);
  const times = machineTimes();
  const after = await viewer.inbound();
  const otherAfter = other && (await other.inbound());
  await delay(drainMs);
  await probe.stop();

  const { toMonotonicUs } = await measureClock(viewer.page);
  const epochUs = monotonicUs() - Date.now() * 1000;
  const { intervals, lateness } = await network.takeLog();
  const all = [...probe.paints.values()];
  const frames = shownFrames(await viewer.takeFrames(), probe.paints, toMonotonicUs);
  const decoded = after.framesDecoded - before.framesDecoded;
  return {
    startUs,
    endUs,
    paints: all.filter((us) => us > startUs && us <= endUs).length,
    frames,
    intervals,
    lateness,
    decisions: parseDecisions(host.child.log, (ms) => ms * 1000 + epochUs),
    ways: ways(scenario.link, script),
    turns: scenario.restless === true ? [] : turns(scenario.link, script),
    video: {
      bytes: after.bytesReceived - before.bytesReceived,
      packetsLost: after.packetsLost - before.packetsLost,
      nacks: after.nackCount - before.nackCount,
      keyFrames: after.keyFramesDecoded - before.keyFramesDecoded,
      qp: ((after.qpSum ?? NaN) - (before.qpSum ?? NaN)) / decoded,
    },
    busyShare: (times.busy - timesBefore.busy) / (times.total - timesBefore.total),
    otherBytes: otherAfter && otherAfter.bytesReceived - (otherBefore?.bytesReceived ?? 0),
  };
}

/** A second desktop with its host and viewer, with the same content. */
async function besidePeerdeck(
  { content, size, video }: RunOptions,
  stack: Stack,
  opened: Opened,
): Promise<Viewer> {
  const display = opened.keep(await openDisplay(size.width, size.height));
  const probe = opened.keep(new Probe(display.name, content));
  await probe.ready();
  const host = opened.keep(new Host({ display: display.name, address: hostAddress, port, video }));
  await host.ready();
  const viewer = opened.keep(await openViewer({ browser: stack.browser, ...size }));
  await viewer.open(host.viewerUrl);
  await viewer.waitForPicture();
  probe.start(paintRate);
  return viewer;
}

/** A TCP connection of the kernel's own that sends as fast as it can. */
async function besideDownload(network: ShapedNetwork, opened: Opened): Promise<void> {
  const server = opened.keep(new Download());
  await server.ready();
  // exec: the process that is ended later is the one that reads
  const command = `exec cat < /dev/tcp/${hostAddress}/${downloadPort} > /dev/null`;
  opened.keep(
    new Child({
      name: 'download',
      command: network.wrapper('bash', 'bash'),
      args: ['-c', command],
    }),
  );
}

class Download {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ready: Promise<void>;

  constructor() {
    const block = Buffer.alloc(1 << 16);
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      const send = (): void => {
        while (socket.writable && socket.write(block));
      };
      socket.on('drain', send).on('error', () => {});
      send();
    });
    this.#ready = new Promise((resolve) => {
      this.#server.listen(downloadPort, hostAddress, resolve);
    });
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
