/** The capacity plan: `npm run capacity -- --help`. docs/operations.md says what it rests on. */
import { readFileSync } from 'node:fs';
import { check, describeChecks, type LoadResult } from './check.ts';
import { HELP, UsageError, parseCommandLine } from './command-line.ts';
import { MEASURED, withBench, type Costs } from './costs.ts';
import { measureRedis } from './measure.ts';
import { plan } from './model.ts';
import { report } from './report.ts';

async function main(): Promise<void> {
  const { help, demands, rules, benchFile, measure, checkFile, json } = parseCommandLine(
    process.argv.slice(2),
  );
  if (help) {
    console.log(HELP);
    return;
  }
  const bench =
    benchFile === undefined ? MEASURED : withBench(MEASURED, readJson('from', benchFile));
  const costs: Costs =
    measure === undefined ? bench : { ...bench, redis: await measureRedis(measure) };
  if (checkFile !== undefined) {
    for (const result of readJson('check', checkFile) as LoadResult[]) {
      console.log(describeChecks(check(result, costs)));
    }
    return;
  }
  const plans = demands.map((demand) => ({
    title: `${demand.rooms.toLocaleString('en-US')} rooms`,
    demand,
    plan: plan(demand, costs, rules),
  }));
  if (json) console.log(JSON.stringify({ costs, rules, plans }, null, 1));
  else console.log(`${report(plans)}\n\ncosts: ${JSON.stringify(costs)}`);
}

function readJson(option: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `--${option} ${file}: ${error instanceof Error ? error.message : 'no JSON'}`,
    );
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
