/**
 * Room bursts: all rooms are made at once. In each a host joins, then its viewer; offer, answer
 * and candidates cross; both leave. Then the next burst, until the time is over.
 */
import { check } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { Room } from './room.ts';
import { readSettings, roomId, roomsOf } from './settings.ts';
import { TREND_STATS, summarize, type SummaryData } from './summary.ts';

const settings = readSettings(__ENV);
const { limits, vus, durationS } = settings;

export const options: Options = {
  scenarios: {
    bursts: { executor: 'constant-vus', vus, duration: `${durationS}s`, gracefulStop: '60s' },
  },
  thresholds: {
    checks: ['rate==1'],
    signaling_joined: ['rate==1'],
    signaling_errors: ['count==0'],
    signaling_join_ms: [`p(95)<${limits.joinP95Ms}`],
    signaling_setup_ms: [`p(95)<${limits.setupP95Ms}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  const burst = exec.vu.iterationInScenario;
  const vu = exec.vu.idInTest;
  for (const room of roomsOf(settings, vu)) {
    new Room({
      settings,
      id: roomId(settings.run, room, burst),
      index: room,
      onReady: (room) => room.leave(),
      onClosed: (room) => {
        check(room, { 'session set up, in order': ({ ready }) => ready });
      },
    });
  }
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('room-bursts', data, settings.summaryFile);
}
