import type { Page } from 'playwright-core';

import { monotonicUs } from './wait.ts';

/** Maps a page's `performance.now()` to CLOCK_MONOTONIC of the same machine. */
export interface PageClock {
  toMonotonicUs(pageMs: number): number;
  /** How far the mapping may be off, as the fastest round trip bounds it, microseconds. */
  boundUs: number;
}

/**
 * Chromium's monotonic clock is CLOCK_MONOTONIC on Linux, and a page's zero is its navigation
 * start, which DevTools reports on that clock. The round trips check this: an answer must lie
 * between the two readings around it.
 */
export async function measureClock(page: Page): Promise<PageClock> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('Performance.enable');
    const { metrics } = await session.send('Performance.getMetrics');
    const start = metrics.find(({ name }) => name === 'NavigationStart')?.value;
    if (start === undefined) throw new Error('no NavigationStart among the metrics');
    const originUs = start * 1e6;
    let earliest = -Infinity;
    let latest = Infinity;
    for (let round = 0; round < 40; round++) {
      const before = monotonicUs();
      const { result } = await session.send('Runtime.evaluate', {
        expression: 'performance.now()',
      });
      const after = monotonicUs();
      const pageUs = Number(result.value) * 1000;
      earliest = Math.max(earliest, before - pageUs);
      latest = Math.min(latest, after - pageUs);
    }
    const slackUs = 200; // performance.now() is rounded to 100 µs
    if (originUs < earliest - slackUs || originUs > latest + slackUs) {
      const range = `${Math.round(earliest)}..${Math.round(latest)}`;
      throw new Error(`page clock: navigation start ${Math.round(originUs)} is not in ${range}`);
    }
    return {
      toMonotonicUs: (pageMs) => originUs + pageMs * 1000,
      boundUs: Math.max(originUs - earliest, latest - originUs),
    };
  } finally {
    await session.detach();
  }
}
