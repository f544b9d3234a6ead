import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ABI_VERSION } from './abi.ts';
import { isNativeError } from './errors.ts';
import { findLibraries } from './library-paths.ts';
import type { MediaHost } from './media-host.ts';
import { openNativeMediaHost } from './native-media-host.ts';
import { BROWSER_OFFER } from './testing/offer.ts';
import { startXvfb } from './testing/xvfb.ts';

function built(): boolean {
  try {
    const paths = findLibraries();
    return existsSync(paths.pion) && existsSync(paths.capture);
  } catch {
    return false;
  }
}

const name = built() ? 'native media host' : 'native media host (skipped: libraries not built)';
const suite = built() ? describe : describe.skip;

suite(name, () => {
  let host: MediaHost;
  const errors: string[] = [];
  beforeEach(async () => {
    host = await openNativeMediaHost({
      log: (entry) => entry.level === 'error' && errors.push(entry.message),
    });
  });
  afterEach(async () => {
    await host.close();
    expect(errors).toEqual([]);
    expect(await host.leaks()).toMatchObject({
      pion: { engines: 0, streams: 0, peers: 0 },
      capture: { pipelines: 0, injectors: 0, threads: 0, displays: 0, queuedEvents: 0 },
    });
  });

  it('describes itself and probes', async () => {
    expect(await host.describe()).toMatchObject({
      abi: ABI_VERSION,
      pion: expect.stringMatching(/^v4/),
    });
    const report = await host.probe();
    expect(report.sources).toContainEqual({ name: 'synthetic', available: true, reason: '' });
    expect(report.encoders.length).toBeGreaterThan(0);
    // What does not work says why.
    const dumb = [...report.sources, ...report.encoders, ...report.injectors].filter(
      (one) => !one.available && one.reason === '',
    );
    expect(dumb).toEqual([]);
  });

  it('streams a synthetic source into an engine and counts pictures', async () => {
    const engine = await host.openEngine();
    const stream = await engine.openStream();
    const pipeline = await host.openPipeline({
      source: { kind: 'synthetic', width: 320, height: 180 },
      statsIntervalMs: 50,
    });
    expect(pipeline.info).toMatchObject({ width: 320, height: 180, source: 'synthetic' });
    const encoded = new Promise<number>((resolve) => {
      pipeline.on('stats', (stats) => stats.framesEncoded > 0 && resolve(stats.keyframes));
    });
    await pipeline.connect(stream);
    await pipeline.start();
    expect(await encoded).toBeGreaterThan(0);
    expect(pipeline.stats().width).toBe(320);
    await pipeline.stop();
    await pipeline.stop();
  });

  it('answers a browser offer, trickles candidates, and refuses what is none', async () => {
    const engine = await host.openEngine({ includeLoopback: true });
    await engine.openStream();
    const peer = await engine.openPeer();
    const ended = new Promise<void>((resolve) => {
      peer.on('candidate', ({ candidate }) => candidate === '' && resolve());
    });
    const answer = await peer.answer(BROWSER_OFFER);
    expect(answer).toContain('H264');
    expect(answer).toContain('a=sctp-port');
    await ended;
    await peer.addCandidate({
      candidate: 'candidate:1 1 udp 2122260223 127.0.0.1 9 typ host',
      sdpMid: '0',
      sdpMLineIndex: 0,
    });
    const refused: unknown = await peer.answer('nonsense').catch((error) => error);
    expect(isNativeError(refused, 'PD_ERR_INVALID_ARGUMENT')).toBe(true);
    expect(String(refused)).toContain('pdw_peer_answer');
    const early: unknown = await peer.send('control', 'hello').catch((error) => error);
    expect(isNativeError(early, 'PD_ERR_STATE')).toBe(true);
    await peer.close();
    await peer.close();
    const late: unknown = await peer.setVideo(true).catch((error) => error);
    expect(isNativeError(late, 'PD_ERR_CLOSED')).toBe(true);
  });

  it('records injected input and lets go of what is held', async () => {
    const injector = await host.openInjector({ kind: 'recorder' });
    const down = { kind: 'key', usage: 0x04, down: true } as const;
    const click = { kind: 'button', button: 0, down: true } as const;
    expect(injector.inject([down, { kind: 'pointer', x: 1, y: 2 }, click])).toBe(3);
    // More than one batch of the reused buffer.
    const many = Array.from({ length: 150 }, (_, x) => ({ kind: 'pointer', x, y: 0 }) as const);
    expect(injector.inject(many)).toBe(150);
    injector.text('né😀');
    expect(injector.releaseAll()).toBe(2);
    expect(injector.releaseAll()).toBe(0);
    await injector.close();
    expect(injector.inject([down])).toBe(0);
  });

  it('names the option at fault', async () => {
    const options = { source: { kind: 'x11', display: ':not-a-display' } } as const;
    await expect(host.openPipeline(options)).rejects.toThrow(/not-a-display/);
    const unknown = { source: { kind: 'synthetic' }, encodr: {} } as never;
    const refused: unknown = await host.openPipeline(unknown).catch((error) => error);
    expect(isNativeError(refused, 'PD_ERR_INVALID_ARGUMENT')).toBe(true);
    expect(String(refused)).toContain('encodr');
  });

  it('closes what was left open, twice, and then refuses', async () => {
    const engine = await host.openEngine();
    const stream = await engine.openStream();
    await engine.openPeer();
    const pipeline = await host.openPipeline({ source: { kind: 'synthetic' } });
    await pipeline.connect(stream);
    await pipeline.start();
    await host.openInjector({ kind: 'recorder', pipeline });
    await Promise.all([host.close(), host.close()]);
    await expect(host.openEngine()).rejects.toThrow(/closed/);
  });

  it('lets a process that exits end the calls that wait, until it is closed', async () => {
    const before = process.listeners('exit');
    const another = await openNativeMediaHost();
    const added = process.listeners('exit').filter((each) => !before.includes(each));
    expect(added).toHaveLength(1);
    expect(() => added[0]?.(0)).not.toThrow();
    await another.close();
    expect(process.listeners('exit')).toEqual(before);
  });

  it('closes an engine under a running pipeline', async () => {
    const engine = await host.openEngine();
    const pipeline = await host.openPipeline({ source: { kind: 'synthetic' } });
    await pipeline.connect(await engine.openStream());
    await pipeline.start();
    await engine.close();
    await pipeline.close();
  });
});

suite(`${name}, in a process of its own`, () => {
  interface Line {
    readonly rssKib: number;
    readonly threads: number;
    readonly fds: number;
    readonly leaks: Record<'pion' | 'capture', Record<string, number>>;
    readonly errors: string[];
  }

  // As many as viewers reload the page in a day: PEERDECK_CYCLES=500 takes about a minute.
  const cycles = Number(process.env['PEERDECK_CYCLES'] ?? '50');

  it(
    `opens and closes the whole stack ${cycles} times without a leak, and ends by itself`,
    async () => {
      const x = await startXvfb();
      const program = fileURLToPath(new URL('./testing/open-close.ts', import.meta.url));
      const args = ['--expose-gc', '--conditions=@peerdeck/source', program];
      const env = {
        ...process.env,
        DISPLAY: x.display,
        CYCLES: String(cycles),
        NODE_OPTIONS: '',
      };
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      const lines: Line[] = [];
      const input = createInterface({ input: child.stdout });
      let slow: NodeJS.Timeout | undefined;
      input.on('line', (line) => {
        lines.push(JSON.parse(line) as Line);
        // After the last line nothing is open: the process has two seconds to be gone.
        if (lines.length === cycles) slow = setTimeout(() => child.kill('SIGKILL'), 2000);
      });
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      clearTimeout(slow);
      x.stop();
      expect({ code, signal, cycles: lines.length }).toEqual({ code: 0, signal: null, cycles });

      const settled = lines.slice(19);
      for (const { leaks, errors } of lines) {
        expect(errors).toEqual([]);
        expect(leaks.pion).toMatchObject({ engines: 0, streams: 0, peers: 0 });
        // A goroutine that winds down may say a last word after the pump; the next pump takes it.
        expect(leaks.pion['queuedEvents']).toBeLessThan(8);
        expect(leaks.capture).toMatchObject({
          pipelines: 0,
          injectors: 0,
          threads: 0,
          displays: 0,
        });
      }
      // Go winds a few goroutines down on its own time; what counts is that none accumulates.
      expect(growth(settled, (line) => line.leaks.pion['goroutines'] ?? 0)).toBeLessThanOrEqual(2);
      expect(growth(settled, (line) => line.fds)).toBeLessThanOrEqual(1);
      expect(growth(settled, (line) => line.threads)).toBeLessThanOrEqual(1);
      expect(growth(settled, (line) => line.rssKib)).toBeLessThan(10 * 1024);
      // Beside the first viewer's memory, what later ones leave behind: the collector's own slack.
      const first = lines[0]?.rssKib ?? 0;
      expect(Math.max(...lines.slice(-10).map((line) => line.rssKib)) - first).toBeLessThan(
        60 * 1024,
      );
      const rss = (line: Line | undefined) => Math.round((line?.rssKib ?? 0) / 1024);
      const at = [lines[0], lines[9], lines[Math.floor(cycles / 2)], lines.at(-1)].map(rss);
      process.stdout.write(
        `resident after the first, tenth, middle and last cycle: ${at.join(', ')} MB\n`,
      );
    },
    120_000 + cycles * 1000,
  );

  /** Between the medians of the first and the last ten. */
  function growth(lines: readonly Line[], measure: (line: Line) => number): number {
    const median = (part: readonly Line[]): number =>
      part.map(measure).sort((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0;
    return median(lines.slice(-10)) - median(lines.slice(0, 10));
  }
});
