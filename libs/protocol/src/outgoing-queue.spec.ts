import { OutgoingQueue } from './outgoing-queue.ts';
import type { OutgoingRelay } from './signaling-messages.ts';

const offer = (session: string, sdp = 'v=0'): OutgoingRelay => ({ type: 'offer', session, sdp });
const answer = (to: string, session: string): OutgoingRelay => ({
  type: 'answer',
  to,
  session,
  sdp: 'v=0',
});
const candidate = (session: string, text: string, to?: string): OutgoingRelay => ({
  type: 'candidate',
  session,
  candidate: text,
  ...(to === undefined ? {} : { to }),
});
const everybody = () => true;

describe('OutgoingQueue', () => {
  it('keeps the order', () => {
    const queue = new OutgoingQueue(10);
    const messages = [offer('a'), candidate('a', '1'), candidate('a', '2')];
    for (const message of messages) queue.push(message);
    expect(queue.drain(everybody)).toEqual(messages);
    expect(queue.size).toBe(0);
  });

  it('drops older sessions with the same peer, and the same offer of before', () => {
    const queue = new OutgoingQueue(10);
    queue.push(offer('a'));
    queue.push(candidate('a', '1'));
    queue.push({ type: 'control', action: 'x' });
    queue.push(offer('b', 'first'));
    queue.push(candidate('b', '2'));
    queue.push(offer('b', 'second'));
    expect(queue.drain(everybody)).toEqual([
      { type: 'control', action: 'x' },
      candidate('b', '2'),
      offer('b', 'second'),
    ]);
    expect(queue.dropped).toBe(3);
  });

  it("leaves other peers' sessions alone", () => {
    const queue = new OutgoingQueue(10);
    queue.push(answer('p1', 'a'));
    queue.push(candidate('a', '1', 'p1'));
    queue.push(answer('p2', 'b'));
    queue.push(answer('p1', 'c'));
    expect(queue.drain(everybody)).toEqual([answer('p2', 'b'), answer('p1', 'c')]);
  });

  it('keeps only the newest metrics', () => {
    const queue = new OutgoingQueue(10);
    const metrics = (queueDepth: number): OutgoingRelay => ({
      type: 'video-metrics',
      queueDepth,
      overwriteDrops: 0,
      backpressureSkips: 0,
      outOfOrder: 0,
    });
    for (let depth = 0; depth < 5; depth += 1) queue.push(metrics(depth));
    expect(queue.drain(everybody)).toEqual([metrics(4)]);
  });

  it('is bounded: the oldest candidate goes first, then the oldest message', () => {
    const queue = new OutgoingQueue(2);
    queue.push(offer('a'));
    queue.push(candidate('a', '1'));
    queue.push(candidate('a', '2'));
    expect(queue.drain(everybody)).toEqual([offer('a'), candidate('a', '2')]);
    for (const action of ['x', 'y', 'z']) queue.push({ type: 'control', action });
    expect(queue.drain(everybody).map((message) => 'action' in message && message.action)).toEqual([
      'y',
      'z',
    ]);
    expect(queue.dropped).toBe(2);
  });

  it('drops what is for peers who are gone', () => {
    const queue = new OutgoingQueue(10);
    queue.push(answer('p1', 'a'));
    queue.push(answer('p2', 'b'));
    expect(queue.drain((peer) => peer === 'p2')).toEqual([answer('p2', 'b')]);
    queue.push(offer('x'));
    queue.clear();
    expect(queue.size).toBe(0);
  });

  it('holds so many bytes and no more, of text as it is on the wire', () => {
    const queue = new OutgoingQueue(1000, 10_000);
    for (let peer = 0; peer < 50; peer += 1) {
      queue.push({ ...answer(`p${peer}`, 's'), sdp: 'ü'.repeat(500) } as OutgoingRelay);
      expect(queue.bytes).toBeLessThanOrEqual(10_000);
    }
    expect(queue.size).toBe(9);
    queue.push({ ...answer('x', 's'), sdp: 'ü'.repeat(6000) } as OutgoingRelay);
    expect(queue.size).toBe(9);
    expect(queue.drain(everybody)).toHaveLength(9);
    expect(queue.bytes).toBe(0);
    expect(queue.dropped).toBe(42);
  });
});
