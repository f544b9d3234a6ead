// Only what any Node can parse is imported before the version is known to be new enough.
import { requireNode } from '../setup/platform.mjs';
import { Report } from '../setup/report.mjs';

const report = new Report();
try {
  requireNode();
  const { makeEnv } = await import('./env-command.mjs');
  await makeEnv(process.argv.slice(2), report);
} catch (error) {
  report.fail(error);
  process.exitCode = error.exitCode ?? 1;
}
