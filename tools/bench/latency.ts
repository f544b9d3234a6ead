/**
 * How long a picture takes from the X server to the browser's screen, and a key back:
 *
 *   npm run bench:latency -- [--runs N] [--seconds N] [--json FILE] [--only 720p-scroll,...] [--floor]
 *
 * --floor also sends each case's own stream, recorded, through Pion alone: what no host can beat
 * (build it first: cd tools/bench/floor && go build -o ../dist/floor .).
 *
 * Everything is real: Xvfb, the host agent, signaling and headless Chromium on this machine.
 * Figures are medians of the runs. The build must be there (`npm run build`).
 */
import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { openBrowser } from '@peerdeck/harness/browser';
import { webClientDist, xprobe } from '@peerdeck/harness/paths';
import type { Scene } from '@peerdeck/harness/probe';
import { openStack } from '@peerdeck/harness/stack';
import type { Stack } from '@peerdeck/harness/stack';
import { median } from '@peerdeck/harness/statistics';
import { measureFloor, recordScene } from './floor.ts';
import type { Recording } from './floor.ts';
import { measureGlass, measureIdle } from './glass.ts';
import { measureHand } from './hand.ts';
import { describeMachine, othersLoad } from './machine.ts';
import { ms, percent, table } from './table.ts';
import { keepTicking } from './ticking.ts';

interface Case {
  name: string;
  width: number;
  height: number;
  scene: Scene;
}

const cases: Case[] = [
  { name: '720p-scroll', width: 1280, height: 720, scene: 'scroll' },
  { name: '720p-game', width: 1280, height: 720, scene: 'game' },
  { name: '1080p-game', width: 1920, height: 1080, scene: 'game' },
];

/** Aims, ms: what each row is held against. */
const budgets: Record<string, Record<string, number>> = {
  '720p-scroll': { glassToGlassP50: 11.5, glassToGlassP95: 18.5, paintToReceivedP50: 2.8, hostCpuPerFrame: 3.2 },
  '720p-game': { glassToGlassP50: 12.8, glassToGlassP95: 20, paintToReceivedP50: 3.8, hostCpuPerFrame: 4.7 },
  '1080p-game': { glassToGlassP50: 15, glassToGlassP95: 23, hostCpuPerFrame: 8 },
  hand: { inputP50: 1, inputP99: 3, clickToPhotonP50: 18 },
  idle: { percentOfCore: 1 },
}; // prettier-ignore

/**
 * A ceiling that the links of today carry: without one a host on the same machine goes to its own,
 * and figures of CPU and latency at 15 Mbit/s say little about those at 6.
 */
function videoOf(height: number): { bitrateStart: number; bitrateMax: number } {
  const bitrate = height > 720 ? 8_000_000 : 6_000_000;
  return { bitrateStart: bitrate, bitrateMax: bitrate };
}

type Figures = Record<string, number>;

interface Report {
  machine: ReturnType<typeof describeMachine>;
  /** Share of the CPUs in use by others before the first run. */
  othersLoad: number;
  runs: number;
  secondsPerRun: number;
  results: Record<string, { median: Figures; runs: Figures[] }>;
  budgets: typeof budgets;
}

function medians(runs: readonly Figures[]): Figures {
  const keys = Object.keys(runs[0] ?? {});
  return Object.fromEntries(keys.map((key) => [key, median(runs.map((run) => run[key] ?? NaN))]));
}

async function withStack<T>(
  width: number,
  height: number,
  body: (stack: Stack) => Promise<T>,
): Promise<T> {
  const stack = await openStack({ width, height, video: videoOf(height) });
  try {
    await stack.viewer.waitForPicture();
    return await body(stack);
  } catch (error) {
    console.error(stack.report());
    throw error;
  } finally {
    await stack.close();
  }
}

function glassTable(results: Report['results']): string {
  const names = cases.flatMap(({ name }) => [name, `${name} floor`]);
  const rows = names.flatMap((name) => {
    const result = results[name];
    if (!result) return [];
    const { median: m } = result;
    const of = (key: string): string => {
      const aim = budgets[name]?.[key];
      return `${ms(m[key] ?? NaN)}${aim === undefined ? '' : ` (${aim})`}`;
    };
    return [[
      name, of('glassToGlassP50'), of('glassToGlassP95'), of('paintToScriptP50'), of('paintToReceivedP50'),
      of('captureToSendP50'), of('encodeP50'),
      of('receivedToPresentedP50'), of('decodeP50'), of('fps'), of('hostCpuPerFrame'),
      of('xServerCpuPerFrame'), of('browserCpuPerFrame'), (m['kbps'] ?? NaN).toFixed(0),
    ]]; // prettier-ignore
  });
  return table(
    ['case (aim)', 'glass p50', 'p95', 'paint→script', 'paint→received', 'grab→sent', 'encode', 'received→presented', 'decode',
      'fps', 'host CPU/frame', 'X CPU/frame', 'browser CPU/frame', 'kbit/s'], // prettier-ignore
    rows,
  );
}

function handTable(results: Report['results']): string {
  const label: Record<string, string> = {
    inputP50: 'key in the page → X client, p50',
    inputP99: 'the same, p99',
    clickToPhotonP50: 'click in the page → frame that shows it, p50',
    clickToPhotonP95: 'the same, p95',
    clickToScriptP50: 'click → the script that sees it, p50',
    percentOfCore: 'idle desktop with a viewer, % of a core',
  };
  const rows = ['hand', 'idle'].flatMap((name) =>
    Object.entries(results[name]?.median ?? {}).map(([key, value]) => {
      const aim = budgets[name]?.[key];
      return [label[key] ?? key, value.toFixed(2), aim === undefined ? '' : `${aim}`];
    }),
  );
  return table(['', 'measured', 'aim'], rows);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'string' },
      only: { type: 'string' },
      floor: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs);
  const seconds = Number(values.seconds);
  if (!(runs >= 1 && seconds >= 1)) throw new Error('--runs and --seconds want numbers from 1 on');
  const wanted = (name: string): boolean => !values.only || values.only.split(',').includes(name);

  const missing = [xprobe, webClientDist].find((path) => !existsSync(path));
  if (missing !== undefined) throw new Error(`${missing} is not there: npm run build makes it`);
  const load = await othersLoad(2000);
  if (load > 0.1)
    console.warn(`The machine is not quiet: ${percent(load * 100)} busy with others.`);
  const collected: Record<string, Figures[]> = {};
  const note = (name: string, figures: Figures): void => {
    (collected[name] ??= []).push(figures);
    const brief = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(2)}`);
    console.log(`${name}: ${brief.join(', ')}`);
  };
  const recordings = new Map<string, Recording>();
  for (const { name, width, height, scene } of values.floor ? cases : []) {
    if (wanted(name))
      recordings.set(
        name,
        await recordScene({ width, height, scene, video: videoOf(height) }, seconds),
      );
  }
  // each run has a stack of its own, and the cases take turns: no case gets one lucky start
  for (let run = 0; run < runs; run++) {
    for (const [width, height] of [
      [1280, 720],
      [1920, 1080],
    ] as const) {
      const mine = cases.filter((each) => each.height === height && wanted(each.name));
      const hand = height === 720;
      if (mine.length === 0 && !(hand && (wanted('hand') || wanted('idle')))) continue;
      await withStack(width, height, async (stack) => {
        // before the page ticks by itself: at rest it costs nothing, as the desktop does
        if (hand && wanted('idle')) {
          note('idle', { percentOfCore: await measureIdle(stack, seconds) });
        }
        await keepTicking(stack.viewer.page);
        for (const { name, scene } of mine) {
          note(name, { ...(await measureGlass(stack, scene, seconds)) });
        }
        if (hand && wanted('hand')) note('hand', { ...(await measureHand(stack, 60)) });
      });
      for (const { name } of mine) {
        const recording = recordings.get(name);
        if (!recording) continue;
        const browser = await openBrowser();
        try {
          const figures = await measureFloor(browser, recording, { width, height });
          note(`${name} floor`, { ...figures });
        } finally {
          await browser.close();
        }
      }
    }
  }
  const results = Object.fromEntries(
    Object.entries(collected).map(([name, all]) => [name, { median: medians(all), runs: all }]),
  );
  const report: Report = {
    machine: describeMachine(),
    othersLoad: load,
    runs,
    secondsPerRun: seconds,
    results,
    budgets,
  };
  const { machine } = report;
  console.log(`\n${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ` +
    `${machine.kernel}, Node ${machine.node}, ${machine.chromium}`); // prettier-ignore
  console.log(`Milliseconds, medians of ${runs} runs of ${seconds} s; aims in brackets.\n`);
  console.log(`${glassTable(results)}\n\n${handTable(results)}`);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

if (import.meta.main) await main();
