// Builds the tests twice and runs them: all of them under the address and undefined-behaviour sanitizers,
// and those with threads under the thread sanitizer. The tests start X servers of their own.
// The last line is `N passed, N failed, N skipped`; the exit status is 1 unless all that ran passed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

const RUNS = [
  { name: 'asan', sanitize: 'address,undefined', filter: '*' },
  // What has threads of its own; the rest adds nothing here.
  { name: 'tsan', sanitize: 'thread', filter: 'Ring.*:Waker.*:EventQueue.*:PipelineTest.*:Capi.*' },
];

/** Runs a command to its end; its status, or 1 if it could not start. */
function run(command, args, env = process.env) {
  const { status, error, signal } = spawnSync(command, args, { cwd: here, stdio: 'inherit', env });
  if (error) console.error(`capture-encoder: cannot run ${command} (${error.code})`);
  if (signal) console.error(`capture-encoder: ${command} was ended by ${signal}`);
  return status ?? 1;
}

function build({ name, sanitize }) {
  const folder = `build/${name}`;
  return (
    run('cmake', [
      ...['-S', '.', '-B', folder, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Debug'],
      ...['-DPDC_TESTS=ON', `-DPDC_SANITIZE=${sanitize}`],
    ]) === 0 && run('cmake', ['--build', folder, '--target', 'pdc_tests']) === 0
  );
}

/** Adds what GoogleTest reported to the sums. A program that died reports nothing: one failure. */
function count(file, status, sums) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    sums.failed += 1;
    return;
  }
  let failed = 0;
  for (const suite of report.testsuites) {
    for (const test of suite.testsuite) {
      if (test.status !== 'RUN') continue;
      if (test.failures) failed += 1;
      else if (test.result === 'SKIPPED') sums.skipped += 1;
      else sums.passed += 1;
    }
  }
  // A leak found at the end fails the program, but no test.
  sums.failed += failed === 0 && status !== 0 ? 1 : failed;
}

const sums = { passed: 0, failed: 0, skipped: 0 };
const folder = mkdtempSync(join(tmpdir(), 'pdc-test-'));
try {
  for (const each of RUNS) {
    if (!build(each)) {
      sums.failed += 1;
      continue;
    }
    const report = join(folder, `${each.name}.json`);
    const args = [
      `--gtest_filter=${each.filter}`,
      `--gtest_output=json:${report}`,
      '--gtest_brief=1',
    ];
    const status = run(`build/${each.name}/tests/pdc_tests`, args, {
      ...process.env,
      TSAN_OPTIONS: `suppressions=${join(here, 'tests/tsan.supp')} ${process.env.TSAN_OPTIONS ?? ''}`,
    });
    count(report, status, sums);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
process.exit(sums.failed === 0 && sums.passed > 0 ? 0 : 1);
