/**
 * Sustained relay: n rooms are opened one after the other and stay; from then on each relays
 * paced messages, by turns from viewer and host, that carry the time of their sending.
 */
import { check } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { now } from './clock.ts';
import type { Message } from './client.ts';
import { delivered, failed, relayMs } from './figures.ts';
import { stamped } from './messages.ts';
import { Room } from './room.ts';
import { readSettings, roomId, roomsOf } from './settings.ts';
import { TREND_STATS, summarize, type SummaryData } from './summary.ts';

const settings = readSettings(__ENV);
const { limits, rooms, vus, durationS, rampS, rate, bytes } = settings;
/** For what is still under way, and for rooms that open late. */
const SLACK_S = 2;

export const options: Options = {
  scenarios: {
    relay: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      maxDuration: `${Math.ceil(rampS + durationS + SLACK_S * 2 + 60)}s`,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    signaling_joined: ['rate==1'],
    signaling_delivered: ['rate==1'],
    signaling_errors: ['count==0'],
    signaling_join_ms: [`p(95)<${limits.joinP95Ms}`],
    signaling_relay_ms: [`p(95)<${limits.relayP95Ms}`, `p(99)<${limits.relayP99Ms}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  const vu = exec.vu.idInTest;
  const startedAt = exec.scenario.startTime;
  for (const room of roomsOf(settings, vu)) {
    const openAt = startedAt + (rampS * 1000 * room) / rooms;
    setTimeout(() => {
      serve(room, startedAt + (rampS + SLACK_S) * 1000);
    }, openAt - Date.now());
  }
}

function serve(index: number, relayFrom: number): void {
  const sent = { host: 0, viewer: 0 };
  const received = { host: 0, viewer: 0 };
  const hear = (to: 'host' | 'viewer', message: Message, at: number) => {
    if (message['action'] !== 'load') return;
    const { sentAt, number } = message['payload'] as { sentAt: number; number: number };
    const inOrder = number === received[to];
    if (!inOrder) failed('reordered', `message ${number} instead of ${received[to]}`);
    received[to] = number + 1;
    relayMs.add(Math.max(0, at - sentAt));
    delivered.add(inOrder);
  };
  const relay = (room: Room) => {
    let turn = 0;
    const timer = setInterval(() => {
      const from = turn % 2 === 0 ? 'viewer' : 'host';
      const to = from === 'host' ? room.viewerId : undefined;
      turn += 1;
      const number = sent[from];
      sent[from] += 1;
      room[from]?.send(stamped(now(), number, bytes, to));
    }, 1000 / rate);
    setTimeout(() => {
      clearInterval(timer);
    }, durationS * 1000);
    setTimeout(
      () => {
        const lost = sent.viewer - received.host + (sent.host - received.viewer);
        for (let i = 0; i < lost; i += 1) delivered.add(false);
        room.leave();
      },
      (durationS + SLACK_S) * 1000,
    );
  };
  new Room({
    settings,
    id: roomId(settings.run, index),
    index,
    onMessage: hear,
    // Rooms do not speak in step.
    onReady: (room) => {
      const phase = (Math.random() * 1000) / rate;
      setTimeout(() => relay(room), Math.max(0, relayFrom - Date.now()) + phase);
    },
    onClosed: (room) => {
      check(room, { 'session set up, in order': ({ ready }) => ready });
    },
  });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('sustained-relay', data, settings.summaryFile);
}
