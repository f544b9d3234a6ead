/**
 * Reconnect storm: the rooms of two nodes are all there when one of these dies. Its clients come
 * back to the other, at once and all together, and get their places; then a message goes through
 * every room. Whoever runs this kills the node when the line `rooms are ready` is there.
 */
import { check } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { clearTimeout, setTimeout } from 'k6/timers';
import { now } from './clock.ts';
import { Client, type Message } from './client.ts';
import { delivered, failed, reconnectMs, relayMs, resumed } from './figures.ts';
import { stamped } from './messages.ts';
import { readSettings, roomId, roomsOf } from './settings.ts';
import { TREND_STATS, summarize, type SummaryData } from './summary.ts';

const settings = readSettings(__ENV);
const { limits, rooms, vus, rampS, durationS, urls, token, jitterMs, bytes } = settings;
const RETRY_MS = 250;
const SLACK_S = 2;
const CHECK_S = 3;

export const options: Options = {
  scenarios: {
    storm: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      maxDuration: `${Math.ceil(rampS + durationS + SLACK_S + CHECK_S + 60)}s`,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    signaling_resumed: ['rate==1'],
    signaling_delivered: ['rate==1'],
    signaling_errors: ['count==0'],
    signaling_reconnect_ms: [`p(95)<${limits.reconnectP95Ms}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  const { idInTest: vu } = exec.vu;
  const startedAt = exec.scenario.startTime;
  const readyAt = startedAt + (rampS + SLACK_S) * 1000;
  for (const room of roomsOf(settings, vu)) {
    const openAt = startedAt + (rampS * 1000 * room) / rooms;
    setTimeout(() => new Pair(room, readyAt), openAt - Date.now());
  }
  if (vu === 1) setTimeout(() => console.log('rooms are ready'), readyAt - Date.now());
}

interface Seat {
  client: Client | undefined;
  /** Which of the nodes it tries next. */
  next: number;
  lostAt: number | undefined;
}

/** A host and its viewer that always come back. */
class Pair {
  readonly #id: string;
  readonly #seats: Record<'host' | 'viewer', Seat>;
  #ended = false;
  #arrived = 0;

  constructor(index: number, readyAt: number) {
    this.#id = roomId(settings.run, index);
    this.#seats = {
      host: { client: undefined, next: index, lostAt: undefined },
      viewer: { client: undefined, next: index + 1, lostAt: undefined },
    };
    this.#connect('host');
    setTimeout(() => this.#check(), readyAt + durationS * 1000 - Date.now());
  }

  #connect(role: 'host' | 'viewer', resume?: string): void {
    if (this.#ended) return;
    const seat = this.#seats[role];
    const url = urls[seat.next % urls.length] ?? '';
    const { lostAt } = seat;
    const client = new Client({
      ...{ url, protocol: 'v2', room: this.#id, role, token, resume },
      // A node that is dead refuses: that is what the storm is made of.
      counts: lostAt === undefined,
      mayBeCut: true,
      onJoined: (welcome) => {
        if (lostAt !== undefined) {
          reconnectMs.add(now() - lostAt);
          resumed.add(welcome['resumed'] === true);
        }
        seat.lostAt = undefined;
        if (role === 'host' && this.#seats.viewer.client === undefined) this.#connect('viewer');
      },
      onMessage: (message, at) => this.#hear(message, at),
      onClosed: () => this.#lost(role, client.resume === '' ? resume : client.resume),
    });
    seat.client = client;
  }

  #lost(role: 'host' | 'viewer', resume: string | undefined): void {
    if (this.#ended) return;
    const seat = this.#seats[role];
    const first = seat.lostAt === undefined;
    seat.lostAt ??= now();
    seat.next += 1;
    const wait = first ? Math.random() * jitterMs : RETRY_MS * (1 + Math.random());
    setTimeout(() => this.#connect(role, resume), wait);
  }

  #hear(message: Message, at: number): void {
    if (message.type === 'member-left' && !this.#ended) {
      failed('false-leave', 'a member that came back was said to have left');
    }
    if (message['action'] !== 'load') return;
    this.#arrived += 1;
    relayMs.add(at - (message['payload'] as { sentAt: number }).sentAt);
  }

  /** Both are there again, and hear each other. */
  #check(): void {
    const { host, viewer } = this.#seats;
    const back = host.client?.isJoined === true && viewer.client?.isJoined === true;
    check(back, { 'both are in the room': (back) => back });
    if (host.lostAt !== undefined) resumed.add(false);
    if (viewer.lostAt !== undefined) resumed.add(false);
    viewer.client?.send(stamped(now(), 0, bytes, undefined));
    host.client?.send(stamped(now(), 0, bytes, viewer.client?.peerId ?? ''));
    const end = setTimeout(() => {
      delivered.add(this.#arrived === 2);
      this.#ended = true;
      viewer.client?.leave();
      host.client?.leave();
      clearTimeout(end);
    }, CHECK_S * 1000);
  }
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('reconnect-storm', data, settings.summaryFile);
}
