import { CLOSE } from '@peerdeck/protocol';
import type { Clock } from '../base/clock.ts';
import type { Gateway } from './gateway.ts';
import type { Random } from '../base/random.ts';

export interface DrainOptions {
  readonly gateway: Pick<Gateway, 'live' | 'sockets' | 'empty'>;
  readonly clock: Clock;
  readonly random: Random;
  /** When whatever is left is cut off. */
  readonly deadlineMs: number;
}

/** Time for the notice to arrive before the first socket is closed. */
const NOTICE_MS = 100;
/** Between two closes, so that clients come back as a stream and not as a wave. */
const SPACING_MS = 5;
/** The part of the deadline that closing may take; the rest is for the closing handshakes. */
const CLOSING_SHARE = 0.6;

/**
 * Sends everybody away: a notice of when to come back, then 1012 one by one, each at the time it
 * was told, in an order left to chance, and at the deadline the end. Resolves as soon as no socket is left. The caller has made sure
 * that no member is told that another one left.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { gateway, clock, random, deadlineMs } = options;
  const connections = shuffled(gateway.live(), random);
  const window = Math.min(connections.length * SPACING_MS, deadlineMs * CLOSING_SHARE);
  const first = Math.min(NOTICE_MS, deadlineMs * (1 - CLOSING_SHARE) * 0.5);
  const cancels = connections.map(({ session, connection }, index) => {
    // Whoever is closed has nothing to wait for: the others come at other times.
    const closing = first + (window * index) / connections.length;
    session.drain(Math.round(closing));
    return clock.after(closing, () => {
      connection.close(CLOSE.draining, 'Draining');
    });
  });
  await Promise.race([gateway.empty(), delay(clock, deadlineMs, cancels)]);
  for (const cancel of cancels) cancel();
  for (const { connection } of gateway.live()) connection.terminate(CLOSE.draining);
  for (const socket of gateway.sockets) socket.terminate();
}

function delay(clock: Clock, ms: number, cancels: (() => void)[]): Promise<void> {
  return new Promise((resolve) => {
    cancels.push(clock.after(ms, resolve));
  });
}

function shuffled<T>(items: T[], random: Random): T[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const pick = Math.floor(random.fraction() * (last + 1));
    const [a, b] = [items[last], items[pick]];
    if (a !== undefined && b !== undefined) [items[last], items[pick]] = [b, a];
  }
  return items;
}
