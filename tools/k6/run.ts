/**
 * Load on the signaling service:
 *
 *   npm run load -- <scenario> [--nodes 2] [--rooms N] [--url wss://...]     (--help: all options)
 *
 * Without --url it starts nodes as built (`npm run build`) and a Redis, and stops them again. The
 * exit code is 1 when a threshold of the scenario failed, 2 for a command line that is not allowed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '@peerdeck/harness/child';
import { HELP, UsageError, parseCommandLine, type CommandLine, type Run } from './command-line.ts';
import { findK6, howToGetK6, installK6 } from './k6.ts';
import { report } from './report.ts';
import { Site } from './site.ts';
import { Usage, scrape, sum, type NodeUsage, type RedisUsage } from './usage.ts';

const SCRIPTS = fileURLToPath(new URL('scripts/', import.meta.url));
/** Longer than any scenario ends late. */
const GRACE_MS = 180_000;
/** Rooms of a machine that is busy are made a little late; the storm leaves time for that. */
const LATE_MS = 5000;

export interface Result {
  readonly scenario: string;
  readonly passed: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly k6: unknown;
  readonly nodes: readonly NodeUsage[];
  readonly redis: RedisUsage | undefined;
}

async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2));
  if (command.help) {
    console.log(HELP);
    return;
  }
  const k6 = findK6() ?? (command.install ? installK6() : undefined);
  if (k6 === undefined) throw new UsageError(howToGetK6());
  const results: Result[] = [];
  for (const run of command.runs) results.push(await runOne(k6, command, run));
  if (command.jsonFile !== undefined) {
    writeFileSync(command.jsonFile, `${JSON.stringify(results, null, 1)}\n`);
  }
  const failed = results.filter(({ passed }) => !passed).map(({ scenario }) => scenario);
  if (failed.length > 0) {
    console.error(`failed: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

async function runOne(k6: string, command: CommandLine, run: Run): Promise<Result> {
  const { urls, nodes, bus } = command;
  const site = urls.length > 0 ? undefined : await Site.open({ nodes, bus });
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-load-'));
  let child: Child | undefined;
  try {
    const usage = site === undefined ? undefined : await Usage.begin(site);
    const summaryFile = join(folder, 'summary.json');
    const addresses = {
      URL: (site?.urls ?? urls).join(','),
      CUT_URL: (site?.cutters ?? []).map(({ url }) => url).join(','),
      SUMMARY_FILE: summaryFile,
    };
    child = startK6(k6, command, run, addresses);
    if (run.scenario.name === 'reconnect-storm' && site !== undefined)
      await strike(site, child, Number(run.env['ROOMS']));
    const seconds = Number(run.env['DURATION']) + Number(run.env['RAMP'] ?? run.env['ROOMS']);
    await child.waitForExit(seconds * 1000 + GRACE_MS);
    const used = await usage?.end();
    const passed = child.exitCode === 0;
    const k6Summary = readSummary(summaryFile);
    const result = {
      ...{ scenario: run.scenario.name, passed, env: run.env, k6: k6Summary },
      ...{ nodes: used?.nodes ?? [], redis: used?.redis },
    };
    console.log(report(result));
    return result;
  } finally {
    await child?.close();
    await site?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startK6(
  k6: string,
  { tokenFile, insecure }: CommandLine,
  { scenario, env }: Run,
  addresses: Readonly<Record<string, string>>,
): Child {
  const token = tokenFile === undefined ? undefined : readFileSync(tokenFile, 'utf8').trim();
  const flags = ['--no-usage-report', '--quiet', '--log-format', 'raw', '--log-output', 'stdout'];
  if (insecure) flags.push('--insecure-skip-tls-verify');
  return new Child({
    name: 'k6',
    command: k6,
    // In the environment, not on the command line: a token is nobody else's business.
    args: ['run', '--include-system-env-vars', ...flags, `${SCRIPTS}${scenario.name}.ts`],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...env,
      ...addresses,
      ...(token === undefined ? {} : { TOKEN: token }),
    },
    onLine: (line) => {
      console.log(line);
    },
  });
}

/** The last node dies; where it was the only one, another starts in its place. */
async function strike(site: Site, k6: Child, rooms: number): Promise<void> {
  await k6.waitForLine(/rooms are ready/, GRACE_MS);
  const deadline = Date.now() + LATE_MS;
  while ((await connections(site)) < rooms * 2) {
    if (Date.now() > deadline || k6.ended) throw new Error('not all rooms were made in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const victim = site.nodes.at(-1);
  if (victim === undefined) return;
  victim.child.kill('SIGKILL');
  await victim.child.waitForExit(5000);
  console.log(`${victim.name} is dead`);
  if (site.nodes.length > 1) return;
  site.nodes.push(await site.start(`${victim.name} again`, victim.port));
}

async function connections(site: Site): Promise<number> {
  const open = site.nodes.map(async ({ healthPort }) => {
    const metrics = await scrape(healthPort);
    return sum(metrics, 'signaling_connections') - sum(metrics, 'signaling_connections_pending');
  });
  return (await Promise.all(open)).reduce((total, each) => total + each, 0);
}

function readSummary(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
