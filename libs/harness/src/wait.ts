/** Time to settle between two looks at a state that sends no event. */
const pollMs = 20;

/** The first truthy value of `look`; rejects after `timeoutMs` with `what` in its text. */
export async function waitUntil<T>(
  what: string,
  timeoutMs: number,
  look: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(pollMs);
  }
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** CLOCK_MONOTONIC in microseconds, the clock of xprobe and of the host. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
