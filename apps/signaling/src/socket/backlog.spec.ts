import { Backlog } from './backlog.ts';
import { startService, roomId, until, type TestService } from '../testing/harness.ts';
import type { Peer } from '../testing/peer.ts';

/** A connection that holds so many bytes until it is given up. */
class Receiver {
  unsent: number;
  gone = false;

  constructor(unsent: number) {
    this.unsent = unsent;
  }

  giveUp(): void {
    this.gone = true;
    this.unsent = 0;
  }
}

describe('the bound', () => {
  test('over it, those that hold most go, and no more of them than need be', () => {
    const backlog = new Backlog(1_000_000);
    const receivers = [300_000, 100_000, 400_000, 150_000].map((bytes) => new Receiver(bytes));
    for (const receiver of receivers) backlog.note(receiver);
    expect(receivers.map(({ gone }) => gone)).toEqual([false, false, false, false]);
    const late = new Receiver(60_000);
    backlog.note(late);
    expect([...receivers, late].map(({ gone }) => gone)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(backlog.size).toBe(4);
  });

  test('what was taken meanwhile does not count', () => {
    const backlog = new Backlog(1_000_000);
    const receivers = Array.from({ length: 100 }, () => new Receiver(100_000));
    for (const receiver of receivers) {
      backlog.note(receiver);
      receiver.unsent = 0;
    }
    expect(receivers.some(({ gone }) => gone)).toBe(false);
    expect(backlog.size).toBeLessThanOrEqual(10);
  });

  test('one that ended is forgotten', () => {
    const backlog = new Backlog(1_000_000);
    const first = new Receiver(900_000);
    backlog.note(first);
    backlog.forget(first);
    backlog.forget(first);
    const second = new Receiver(900_000);
    backlog.note(second);
    expect(first.gone || second.gone).toBe(false);
    expect(backlog.size).toBe(1);
  });
});

describe('receivers that all stop short of their own bound', () => {
  const MOST = 4_194_304;
  let server: TestService;
  const peers: Peer[] = [];
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.socket.terminate();
    await server.close();
  });

  test('do not take the memory of the node; who reads is not disturbed', async () => {
    server = await startService({ BACKPRESSURE_TOTAL_BYTES: String(MOST) });
    const join = async (role: 'host' | 'viewer') => {
      const peer = await server.v2();
      peers.push(peer);
      const { peerId } = await peer.join(roomId(1), role);
      return { peer, peerId };
    };
    const { peer: host } = await join('host');
    const { peer: reader, peerId: good } = await join('viewer');
    const lazy: Awaited<ReturnType<typeof join>>[] = [];
    for (let count = 0; count < 8; count += 1) lazy.push(await join('viewer'));
    for (const { peer } of lazy) peer.socket.pause();
    const cut = () => server.metric('signaling_slow_consumers_total{protocol="v2",at="node"}');
    let seen = 0;
    let rounds = 0;
    await until(async () => {
      rounds += 1;
      for (const { peerId } of lazy) {
        host.send({ type: 'answer', session: 's', sdp: 'x'.repeat(60_000), to: peerId });
      }
      host.send({ type: 'control', action: String(rounds), to: good });
      await host.settle();
      seen = Math.max(seen, await server.metric('signaling_unsent_bytes{of="all"}'));
      return (await cut()) >= 2;
    });
    expect(seen).toBeGreaterThan(MOST / 4);
    // Besides what is counted: below LAG_BYTES for each, and what was written since.
    expect(seen).toBeLessThan(MOST + 1_000_000);
    expect(await server.metric('signaling_slow_consumers_total{protocol="v2",at="buffer"}')).toBe(
      0,
    );
    await until(() => reader.received.some(({ action }) => action === String(rounds)));
    expect(reader.closeCode).toBeUndefined();
  });
});
