/**
 * What our signaling service costs beside the floor and beside PeerJS server:
 *
 *   npm run bench:signaling -- [--runs N] [--quick] [--only v2,bare,...] [--churn N]
 *                              [--json FILE] [--plot FILE] [--beside MAIN.JS]
 *
 * Every server is a process of its own, as in production; the load is one more. They take turns,
 * and figures are medians of the runs. --beside measures another build of the service in the same
 * run. The build must be there (`npm run build`).
 */
import { existsSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { builtSignalingMain } from '@peerdeck/harness/paths';
import { median } from '@peerdeck/harness/statistics';
import { describeComputer, othersLoad } from './machine.ts';
import { choosePins, type Pins } from './signaling/child.ts';
import { LoadProcess } from './signaling/load-process.ts';
import { plot } from './signaling/plot.ts';
import { MAX_CHURN_RATIO, tables, type Report } from './signaling/report.ts';
import {
  measureChurn,
  measureConnections,
  measureRelay,
  type Figures,
  type Sizes,
} from './signaling/scenarios.ts';
import { Running, subjects, withOther, type Subject } from './signaling/subjects.ts';
import { percent } from './table.ts';

const FULL: Sizes = {
  rooms: 200,
  bytes: 1024,
  warmUpMs: 1500,
  seconds: 2,
  perSecond: 2000,
  connections: 5000,
  idleConnections: 10_000,
  idleSeconds: 10,
  churn: 0,
};
const QUICK: Partial<Sizes> = {
  warmUpMs: 500,
  seconds: 1,
  connections: 2000,
  idleConnections: 4000,
  idleSeconds: 1,
};

async function withSubject(
  subject: Subject,
  pins: Pins,
  body: (running: Running, load: LoadProcess) => Promise<Figures>,
): Promise<Figures> {
  const running = await Running.start(subject, pins.servers);
  const load = await LoadProcess.start(pins.load);
  try {
    return await body(running, load);
  } finally {
    await load.close();
    await running.close();
  }
}

function medians(runs: readonly Figures[]): Figures {
  const keys = new Set(runs.flatMap((run) => Object.keys(run)));
  return Object.fromEntries(
    [...keys].map((key) => {
      const known = runs.flatMap((run) => (run[key] === undefined ? [] : [run[key]]));
      return [key, median(known)];
    }),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      skip: { type: 'string', default: '' },
      churn: { type: 'string', default: '0' },
      beside: { type: 'string' },
      json: { type: 'string' },
      plot: { type: 'string' },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  const churn = Number(values.churn);
  if (!(runs >= 1 && churn >= 0))
    throw new Error('--runs wants a number from 1 on, --churn from 0');
  if (!existsSync(builtSignalingMain))
    throw new Error(`${builtSignalingMain} is not there: npm run build`);
  const sizes = { ...FULL, ...(values.quick ? QUICK : {}), churn };
  const wanted = values.only?.split(',');
  const all = values.beside === undefined ? subjects : withOther(resolve(values.beside));
  const chosen = all.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const skipped = values.skip.split(',');
  const pins = choosePins(availableParallelism());
  const load = await othersLoad(1000);
  if (load > 0.1) {
    console.warn(`The machine is not quiet: ${percent(load * 100)} busy with others.`);
  }

  const collected = new Map<Subject, Figures[]>();
  const failed = new Map<Subject, string>();
  const note = (subject: Subject, what: string, figures: Figures): void => {
    collected.set(subject, [...(collected.get(subject) ?? []), figures]);
    const brief = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(2)}`);
    console.log(`${subject.title}, ${what}: ${brief.join(', ')}`);
  };
  const attempt = async (
    what: string,
    subject: Subject,
    body: (running: Running, load: LoadProcess) => Promise<Figures>,
  ): Promise<void> => {
    if (failed.has(subject) || skipped.includes(what)) return;
    try {
      note(subject, what, await withSubject(subject, pins, body));
    } catch (error) {
      failed.set(subject, error instanceof Error ? error.message : String(error));
      console.warn(`${subject.title}: ${failed.get(subject)}`);
    }
  };
  for (let run = 0; run < runs; run++) {
    for (const subject of chosen) {
      await attempt('relay', subject, (running, load) =>
        measureRelay({ subject, running, load, sizes }),
      );
    }
    for (const subject of chosen.filter(({ idle }) => idle)) {
      // memory hardly differs from run to run: once is enough
      await attempt('connect', subject, (running, load) =>
        measureConnections({ subject, running, load, sizes }, run === 0),
      );
    }
  }
  if (churn > 0) {
    for (const subject of chosen.filter(({ idle }) => idle)) {
      await attempt('churn', subject, (running, load) =>
        measureChurn({ subject, running, load, sizes }),
      );
    }
  }

  const report: Report = {
    machine: describeComputer(),
    othersLoad: load,
    pins: { load: pins.load ?? null, servers: pins.servers ?? null },
    runs,
    sizes,
    results: chosen.map((subject) => {
      const all = collected.get(subject) ?? [];
      const why = failed.get(subject);
      return {
        name: subject.name,
        title: subject.title,
        median: medians(all),
        runs: all,
        ...(why === undefined ? {} : { failed: why }),
      };
    }),
  };
  console.log(`\n${tables(report)}`);
  for (const { title, median: figures } of report.results) {
    const ratio = figures['churnRssRatio'] ?? 1;
    if (ratio <= MAX_CHURN_RATIO) continue;
    console.error(`${title} keeps memory of those who left: ${ratio.toFixed(2)} times as much`);
    process.exitCode = 1;
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.plot) writeFileSync(values.plot, plot(report));
}

if (import.meta.main) {
  // Ends by `exit`, so that what was started ends too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  await main();
}
