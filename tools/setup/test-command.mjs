import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';
import { TEST_PRODUCTS } from './build.mjs';
import { UsageError } from './errors.mjs';
import { nearest } from './nearest.mjs';
import { describeOptions, parseOptions } from './options.mjs';
import { requireSupported } from './platform.mjs';
import { duration } from './report.mjs';
import { sum, summary } from './results.mjs';
import { runGroup, runSuite } from './suite-run.mjs';
import { findSuites } from './suites.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const CHECK_DEADLINE_MS = 15 * 60_000;

/** What `--check` looks at before the tests; package.json has the commands. */
const CHECKS = [
  { name: 'format', command: 'prettier --check . --log-level warn' },
  { name: 'lint', command: 'nx run-many -t lint --outputStyle=static' },
  { name: 'typecheck', command: 'nx run-many -t typecheck --outputStyle=static' },
];

const OPTIONS = [
  { name: 'only', value: 'SUITE', about: 'Run this suite alone; several with commas between.' },
  { name: 'check', about: 'Look at format, lint and types first (npm run check).' },
  { name: 'list', about: 'Name the suites.' },
  { name: 'yes', about: 'Install what is missing without asking.' },
  { name: 'help', about: 'This text.' },
];

const HELP = `Runs every test: TypeScript (jest), Go, C++, the setup itself, and the whole product end to end.

npm test -- [options] [-- options of the test runner, with --only]

${describeOptions(OPTIONS)}

The last line is 'N passed, N failed', with ', N skipped' where tests were skipped.
`;

/**
 * `npm test`.
 *
 * @param {(end: () => void) => void} onRunnerGone takes what to do once the npm that runs this is gone
 * @returns {Promise<number>} the exit code
 */
export async function test(argv, report, onRunnerGone) {
  const { values, rest } = parseOptions(OPTIONS, argv);
  if (values.help) {
    report.line(HELP);
    return 0;
  }
  requireSupported();
  const suites = chosen(findSuites(ROOT), values.only);
  if (values.list) {
    for (const suite of suites) report.line(suite.name);
    return 0;
  }
  const { env } = await bootstrap({
    ...{ root: ROOT, uses: ['demo', 'https', 'test'], products: TEST_PRODUCTS },
    ...{ yes: values.yes, report },
  });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
  onRunnerGone(() => stop.abort());
  const context = { env: testEnvironment(env), more: rest, signal: stop.signal, report };
  const results = values.check ? await runChecks(context) : [];
  for (const suite of suites) {
    if (stop.signal.aborted) break;
    results.push(await run(suite, context));
  }
  return tell(results, { report, stopped: stop.signal.aborted });
}

function chosen(suites, only) {
  if (only === undefined) return suites;
  const names = suites.map((suite) => suite.name);
  const wanted = only.split(',');
  for (const name of wanted) {
    if (names.includes(name)) continue;
    const close = nearest(name, names);
    const remedy = close ? `Did you mean ${close}?` : `There are: ${names.join(', ')}.`;
    throw new UsageError(`There is no suite ${name}.`, remedy);
  }
  return suites.filter((suite) => wanted.includes(suite.name));
}

function testEnvironment(env) {
  const bin = `${ROOT}/node_modules/.bin`;
  // Colours would only get in the way of what reads the output.
  return {
    ...env,
    PATH: `${bin}:${env.PATH}`,

    NO_COLOR: '1',
    FORCE_COLOR: '0',
  };
}

async function runChecks({ env, signal, report }) {
  const results = [];
  for (const { name, command } of CHECKS) {
    const work = () => runGroup(command, { cwd: ROOT, env, deadlineMs: CHECK_DEADLINE_MS, signal });
    const { code, output } = await timed(name, work, report, (how) =>
      how.code === 0 ? '' : 'failed',
    );
    if (code !== 0) report.line(output);
    results.push({ passed: 0, failed: code === 0 ? 0 : 1, skipped: 0, skips: [] });
  }
  return results;
}

async function run(suite, { env, more, signal, report }) {
  const work = () => runSuite(suite, { env, more, signal });
  const result = await timed(suite.name, work, report, ({ why }) => why);
  if (result.why !== '') report.line(result.output.trimEnd());
  return { ...result, skips: result.skips.map((text) => `${suite.name}: ${text}`) };
}

/** One line for each suite, with its counts and its time. */
async function timed(name, work, report, whyOf) {
  const began = Date.now();
  const ticker = setInterval(
    () => report.bottom(`… ${name} (${duration(Date.now() - began)})`),
    1000,
  );
  report.bottom(`… ${name}`);
  const result = await work();
  clearInterval(ticker);
  report.bottom('');
  const why = whyOf(result);
  const counts = result.passed === undefined ? '' : `: ${summary(result)}`;
  const text = `${name}${counts} (${duration(Date.now() - began)})`;
  if (why === '') report.done(text);
  else report.failed(`${text}: ${why}. Its output:`);
  return result;
}

function tell(results, { report, stopped }) {
  const total = sum(results);
  if (total.skips.length > 0) report.line('Skipped:');
  for (const text of total.skips) report.line(`  ${text}`);
  if (stopped) {
    report.warn('Stopped before the end.');
    total.failed += 1;
  }
  report.line(summary(total));
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}
