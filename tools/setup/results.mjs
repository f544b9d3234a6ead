/**
 * What a suite did: `{ passed, failed, skipped, skips }`; `skips` are texts that name the skipped
 * tests with their reasons.
 */
const NONE = { passed: 0, failed: 0, skipped: 0, skips: [] };

const SUMMARY = /^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;

/** Counts from the last summary line of an output; undefined when there is none. */
export function parseLines(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const match = lines.map((line) => SUMMARY.exec(line)).findLast((found) => found !== null);
  if (match === undefined) return undefined;
  const [passed, failed, skipped] = match.slice(1).map((text) => Number(text ?? 0));
  return { passed, failed, skipped, skips: skippedNames(lines) };
}

/** `skipped: name: reason`, or go test's `skip package Test` with the reason on a line below. */
function skippedNames(lines) {
  return lines.flatMap((line, i) => {
    const plain = /^skipped: (.+)$/.exec(line);
    if (plain !== null) return [plain[1]];
    const e2e = /^- (.+) \(skipped: (.+)\)$/.exec(line);
    if (e2e !== null) return [`${e2e[1]}: ${e2e[2]}`];
    const go = /^skip \S+ (\S+)$/.exec(line);
    if (go === null) return [];
    const reason = lines.slice(i + 1, i + 8).map((below) => /_test\.go:\d+: (.+)/.exec(below)?.[1]);
    return [`${go[1]}: ${reason.find((text) => text !== undefined) ?? 'no reason given'}`];
  });
}

/** Counts from jest's JSON. A file that could not even be loaded counts as one failure. */
export function parseJest(text) {
  const report = JSON.parse(text);
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const skipped = tests.filter(({ status }) => ['pending', 'todo', 'skipped'].includes(status));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + (report.numRuntimeErrorTestSuites ?? 0),
    skipped: skipped.length,
    skips: skipped.map((test) => test.fullName),
  };
}

/**
 * The verdict on a finished suite. Whatever is not plainly good is a failure: no counts, no test
 * run, or an exit code that the counts do not explain.
 *
 * @returns {{ passed: number, failed: number, skipped: number, skips: string[], why: string }}
 *   `why` is '' for a good one
 */
export function judge({ counts, code, signal, timedOut }) {
  const result = { ...NONE, ...counts };
  const fault = (why) => ({ ...result, failed: Math.max(1, result.failed), why });
  if (timedOut) return fault('it did not end in time');
  if (counts === undefined) return fault(`it told no counts (${signal ?? `exit code ${code}`})`);
  if (result.failed > 0) return fault(`${result.failed} failed`);
  if (result.passed === 0) return fault('it ran no test');
  if (code !== 0) return fault(`it ended with ${signal ?? `exit code ${code}`}`);
  return { ...result, why: '' };
}

export function sum(results) {
  return results.reduce(
    (total, { passed, failed, skipped, skips }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
      skips: [...total.skips, ...skips],
    }),
    NONE,
  );
}

/** The last line of the command, in the form that machines read. */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
