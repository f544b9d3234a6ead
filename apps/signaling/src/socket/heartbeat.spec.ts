import { Heartbeat, type Beating } from './heartbeat.ts';
import { ManualClock } from '../testing/manual-clock.ts';

describe('the heartbeat', () => {
  it('pings connections in the order they came, a tenth of a second at a time', () => {
    const clock = new ManualClock();
    const heartbeat = new Heartbeat({ clock, intervalMs: 10_000, timeoutMs: 25_000 });
    let pings = 0;
    const connection = (): Beating => ({
      lastSeen: clock.now(),
      ping: () => {
        pings += 1;
      },
      terminate: () => {},
    });
    for (let i = 0; i < 1000; i += 1) {
      heartbeat.add(connection());
      clock.advance(1);
    }
    const bursts: number[] = [];
    for (let ms = 0; ms < 10_100; ms += 10) {
      const before = pings;
      clock.advance(10);
      if (pings > before) bursts.push(pings - before);
    }
    expect(pings).toBe(1000);
    expect(Math.max(...bursts)).toBeLessThanOrEqual(110);
    heartbeat.close();
  });

  it('asks nothing of a connection that was heard of a moment ago, and ends the silent in time', () => {
    const clock = new ManualClock();
    const heartbeat = new Heartbeat({ clock, intervalMs: 10_000, timeoutMs: 25_000 });
    const counts = { talks: 0, listens: 0, dead: 0 };
    let ended: number | undefined;
    const talks = { lastSeen: clock.now(), ping: () => (counts.talks += 1), terminate: () => {} };
    const listens = {
      lastSeen: clock.now(),
      ping: () => {
        counts.listens += 1;
        listens.lastSeen = clock.now() + 50;
      },
      terminate: () => {},
    };
    const dead = {
      lastSeen: clock.now(),
      ping: () => (counts.dead += 1),
      terminate: () => (ended ??= clock.now()),
    };
    for (const connection of [talks, listens, dead]) heartbeat.add(connection);
    const began = clock.now();
    for (let ms = 0; ms < 60_000; ms += 100) {
      // A client of peerdeck.v2 pings for itself.
      if (ms % 10_000 === 5000) talks.lastSeen = clock.now();
      clock.advance(100);
    }
    expect(counts).toEqual({ talks: 0, listens: 6, dead: 2 });
    expect((ended ?? 0) - began).toBeGreaterThanOrEqual(25_000);
    expect((ended ?? 0) - began).toBeLessThanOrEqual(26_200);
    heartbeat.close();
  });
});
