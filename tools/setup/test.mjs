// Only what any Node can parse is imported before the version is known to be new enough.
import { requireNode } from './platform.mjs';
import { Report } from './report.mjs';
import { EXIT_RUNNER_GONE, watchRunner } from './runner.mjs';

// Whoever read the output is gone (a closed pipe or terminal): that ends nothing.
process.stdout.on('error', () => {});
const report = new Report();
// What is being installed or built ends with this process; suites end in order, see there.
let end = () => process.exit(EXIT_RUNNER_GONE);
watchRunner(() => end());
try {
  requireNode();
  const { test } = await import('./test-command.mjs');
  process.exitCode = await test(process.argv.slice(2), report, (work) => (end = work));
} catch (error) {
  report.bottom('');
  report.fail(error);
  process.exitCode = error.exitCode ?? 1;
}
