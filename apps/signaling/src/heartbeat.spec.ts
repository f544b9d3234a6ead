import { Heartbeat, type Beating } from './heartbeat.ts';
import { ManualClock } from './testing/manual-clock.ts';

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
});
