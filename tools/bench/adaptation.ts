/**
 * How the stream follows a network that changes:
 *
 *   npm run bench:adaptation -- [--scenario NAME,...] [--runs N] [--seconds N] [--warm-up N]
 *     [--fixed BPS] [--content game|noise|scroll] [--size 1280x720] [--script FILE] [--seed N]
 *     [--out FOLDER] [--list]
 *
 * Everything is real but the network: Xvfb, the host agent, signaling and headless Chromium, and
 * between host and browser two network namespaces with a bottleneck of our own (net/shaper), since
 * not every kernel has netem. It needs root and Go. Figures are medians of the runs; FOLDER gets
 * them as JSON and Markdown, with a plot of each run. The build must be there (`npm run build`).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { webClientDist, xprobe } from '@peerdeck/harness/paths';
import type { VideoConfig } from '@peerdeck/harness/host';
import type { Scene } from '@peerdeck/harness/probe';
import { describeMachine, othersLoad } from './machine.ts';
import { figuresOf } from './net/figures.ts';
import type { Figures } from './net/figures.ts';
import { isInside, missingForNamespaces, runInside, whenToldToEnd } from './net/own-namespace.ts';
import { plot } from './net/plot.ts';
import { reportTable } from './net/report.ts';
import type { Row } from './net/report.ts';
import { runScenario } from './net/run.ts';
import type { RunOptions } from './net/run.ts';
import { scenarios } from './net/scenarios.ts';
import type { Scenario } from './net/scenarios.ts';
import { buildShaper } from './net/shaper-build.ts';
import { parseScript } from './net/step.ts';
import { percent } from './table.ts';

/** What moves all the time; at 1280x720 `game` takes up to 13 Mbit/s. */
const contents: readonly Scene[] = ['game', 'noise', 'scroll'];

const options = {
  scenario: { type: 'string' },
  runs: { type: 'string', default: '1' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string', default: '8' },
  fixed: { type: 'string' },
  content: { type: 'string', default: 'game' },
  size: { type: 'string', default: '1280x720' },
  script: { type: 'string' },
  seed: { type: 'string', default: '1' },
  out: { type: 'string', default: 'tools/bench/dist/adaptation' },
  list: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

function wanted(names: string | undefined, script: string | undefined): Scenario[] {
  const chosen = names?.split(',') ?? scenarios.map(({ name }) => name);
  return chosen.map((name) => {
    const found = scenarios.find((scenario) => scenario.name === name);
    if (!found) throw new Error(`--scenario ${name} is none; --list names them`);
    if (script === undefined) return found;
    const steps = parseScript(readFileSync(script, 'utf8'));
    return { ...found, title: `${found.title}, ${script}`, script: () => steps };
  });
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} wants a number above 0`);
  return value;
}

interface Plan {
  readonly runs: number;
  /** Each scenario with each kind of host. */
  readonly cases: readonly (Omit<Row, 'runs'> & {
    options: Omit<RunOptions, 'program' | 'seed'>;
  })[];
  readonly seed: number;
}

/** What is to be run; throws an error that names the option that makes no sense. */
function planOf(values: Values, chosen: readonly Scenario[]): Plan {
  const [width = 0, height = 0] = values.size.split('x').map(Number);
  if (!(width > 0 && height > 0)) throw new Error('--size wants WIDTHxHEIGHT');
  const content = contents.find((scene) => scene === values.content);
  if (!content) throw new Error(`--content is one of ${contents.join(', ')}`);
  const kinds: { suffix: string; title: string; video: VideoConfig }[] = [
    { suffix: '', title: '', video: {} },
  ];
  if (values.fixed !== undefined) {
    const bps = positive('fixed', values.fixed);
    const video = { bitrateMin: bps, bitrateStart: bps, bitrateMax: bps };
    kinds.push({ suffix: '-fixed', title: ` (fixed ${bps / 1e6} Mbit/s)`, video });
  }
  const cases = chosen.flatMap((scenario) =>
    kinds.map(({ suffix, title, video }) => ({
      name: `${scenario.name}${suffix}`,
      title: `${scenario.title}${title}`,
      options: {
        scenario,
        video,
        content,
        seconds: values.seconds ? positive('seconds', values.seconds) : scenario.seconds,
        warmUpSeconds: positive('warm-up', values['warm-up']),
        size: { width, height },
      },
    })),
  );
  return { runs: positive('runs', values.runs), cases, seed: Number(values.seed) };
}

/** The cases take turns, so that none gets one lucky hour of the machine. */
async function runAll(
  { runs, cases, seed }: Plan,
  folder: string,
  onOpen: (close: () => Promise<void>) => void,
): Promise<Row[]> {
  const program = buildShaper();
  const rows = cases.map(({ name, title }) => ({ name, title, runs: [] as Figures[] }));
  for (let run = 0; run < runs; run++) {
    for (const [i, { options }] of cases.entries()) {
      const row = rows[i];
      if (!row) continue;
      const record = await runScenario({ ...options, program, seed: seed + run * 2 }, onOpen);
      const figures = figuresOf(record);
      row.runs.push(figures);
      const file = join(folder, `${row.name}-${run + 1}`);
      writeFileSync(`${file}.json`, JSON.stringify(record));
      writeFileSync(`${file}.svg`, plot(row.title, record));
      const brief = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(2)}`);
      console.log(`${row.name}: ${brief.join(', ')}`);
    }
  }
  return rows;
}

/** As a shell says it of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

async function main(): Promise<number> {
  const { values } = parseArgs({ options });
  if (values.list) {
    for (const { name, title, seconds } of scenarios)
      console.log(`${name}: ${title}, ${seconds} s`);
    return 0;
  }
  const chosen = wanted(values.scenario, values.script);
  const missing = [xprobe, webClientDist].find((path) => !existsSync(path));
  if (missing !== undefined) throw new Error(`${missing} is not there: npm run build makes it`);
  const reason = missingForNamespaces();
  if (reason !== undefined) throw new Error(reason);
  if (!isInside()) return runInside();

  const plan = planOf(values, chosen);
  let close = (): Promise<void> => Promise.resolve();
  whenToldToEnd(() => void close().finally(() => process.exit(INTERRUPTED)));
  const machine = describeMachine();
  const load = await othersLoad(2000);
  if (load > 0.1)
    console.warn(`The machine is not quiet: ${percent(load * 100)} busy with others.`);
  mkdirSync(values.out, { recursive: true });
  const all = await runAll(plan, values.out, (end) => (close = end));
  const text =
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ` +
    `${machine.node}, ${machine.chromium}; others used ${percent(load * 100)} of it before.\n` +
    `Milliseconds where nothing else is said, medians of ${plan.runs} runs.\n\n${reportTable(all)}\n`;
  writeFileSync(join(values.out, 'report.md'), text);
  writeFileSync(join(values.out, 'report.json'), JSON.stringify({ machine, load, rows: all }));
  console.log(`\n${text}\nWritten to ${values.out}`);
  return 0;
}

if (import.meta.main) {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    },
  );
}
