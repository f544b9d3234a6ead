import exec from 'k6/execution';

let base: number | undefined;

/**
 * Milliseconds since 1970 with fractions, on the clock that k6 stamps received messages with.
 * `Date.now()` has whole ones only, which is more than a relay takes.
 */
export function now(): number {
  base ??= findBase();
  return base + exec.instance.currentTestRunDuration;
}

/** Waits, a millisecond at most, for the next one to begin. */
function findBase(): number {
  const before = Date.now();
  let edge = before;
  while (edge === before) edge = Date.now();
  return edge - exec.instance.currentTestRunDuration;
}
