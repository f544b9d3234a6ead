/**
 * Churn: clients come, join and go again, for the whole time. Every second one leaves; of the
 * others one half closes in order to come back and does not, and the other half is cut off
 * without a word where there is something that cuts (CUT_URL).
 */
import { check } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { Client } from './client.ts';
import { readSettings, roomId } from './settings.ts';
import { TREND_STATS, summarize, type SummaryData } from './summary.ts';

const settings = readSettings(__ENV);
const { limits, rooms, vus, durationS, urls, cutUrls, protocol, token, run } = settings;
const STAY_MS = 200;

export const options: Options = {
  scenarios: {
    churn: { executor: 'constant-vus', vus, duration: `${durationS}s`, gracefulStop: '60s' },
  },
  thresholds: {
    checks: ['rate==1'],
    signaling_joined: ['rate==1'],
    signaling_errors: ['count==0'],
    signaling_join_ms: [`p(95)<${limits.joinP95Ms}`],
  },
  summaryTrendStats: TREND_STATS,
};

type Way = 'leave' | 'return' | 'cut';

/** A turn of the wheel: each client of this virtual user comes and goes once. */
export default function (): void {
  const { idInTest: vu, iterationInScenario: turn } = exec.vu;
  const clients = Math.ceil(rooms / vus);
  for (let i = 0; i < clients; i += 1) {
    // Ghosts would fill a room that is used again: who is lost frees its place in time.
    visit(roomId(run, vu, turn, i), vu + i, way(i));
  }
}

function way(index: number): Way {
  if (index % 2 === 0) return 'leave';
  return index % 4 === 1 || cutUrls.length === 0 ? 'return' : 'cut';
}

function visit(room: string, index: number, way: Way): void {
  const from = way === 'cut' ? cutUrls : urls;
  let served = false;
  const client = new Client({
    ...{ protocol, token, room, url: from[index % from.length] ?? '', role: 'host' },
    // The cut may come before the welcome.
    counts: way !== 'cut',
    onJoined: () => {
      served = true;
      if (way === 'cut') return;
      setTimeout(
        () => {
          if (way === 'leave') client.leave();
          else client.close(4000);
        },
        STAY_MS * (0.5 + Math.random()),
      );
    },
    onClosed: (asked) => {
      check(asked, {
        'served until it went': (asked) => way === 'cut' || (asked && served),
      });
    },
  });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('churn', data, settings.summaryFile);
}
