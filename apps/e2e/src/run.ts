/**
 * Runs the suites, one after the other: `node src/run.ts [part of a suite's name ...]`.
 * The last line is `N passed, N failed, N skipped`; the exit code is 0 only if something ran and
 * nothing failed.
 */
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('suites/', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => `${folder}${name}`);

/** The cause is what helps: the runner's own wrapping of it says only that a test failed. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? describe(error.cause) : (error.stack ?? error.message);
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const stream = run({
  files,
  concurrency: 1,
  timeout: 240_000,
  execArgv: ['--conditions=@peerdeck/source'],
});
stream.on('test:pass', ({ name, skip, todo, details }) => {
  if (details.type === 'suite' || todo !== undefined) return;
  const skipped = skip !== undefined && skip !== false;
  counts[skipped ? 'skipped' : 'passed']++;
  const seconds = (details.duration_ms / 1000).toFixed(1);
  console.log(skipped ? `- ${name} (skipped: ${skip})` : `✓ ${name} (${seconds} s)`);
});
stream.on('test:fail', ({ name, details }) => {
  // a suite fails with its tests, which are counted; it counts alone when its own hook failed
  const { failureType } = details.error as { failureType?: string };
  if (details.type === 'suite' && failureType === 'subtestsFailed') return;
  counts.failed++;
  console.log(`✗ ${name}\n${describe(details.error)}`);
});
stream.on('test:stdout', ({ message }) => process.stdout.write(message));
stream.on('test:stderr', ({ message }) => process.stderr.write(message));
stream.resume(); // without a reader there is no end
stream.once('end', () => {
  const { passed, failed, skipped } = counts;
  if (passed + failed === 0) console.log(`no test ran (${files.length} files)`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
});
