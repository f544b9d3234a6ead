import { until } from './harness.ts';
import { Peer, type Message } from './peer.ts';

/**
 * The wire protocol of the original server as its clients know it, from outside: the same tests
 * for one node with the embedded bus and for two with Redis between them.
 */
export interface Site {
  /** Where a room's first member connects, and where the others do. */
  readonly first: string;
  readonly second: string;
  /** Sum of a gauge or counter over all nodes. */
  metric(line: string): Promise<number>;
  /** Nothing of the room is left anywhere. */
  forgotten(rooms: readonly string[]): Promise<boolean>;
}

const control = (action: number | string) => ({ type: 'control', action: String(action) });

export function originalSuite(site: () => Site): void {
  const peers: Peer[] = [];
  afterEach(() => {
    for (const peer of peers.splice(0)) peer.socket.terminate();
  });
  const open = (base: string, room: string, query = ''): Peer => {
    const peer = new Peer(`${base}/?roomId=${room}${query}`, []);
    peers.push(peer);
    return peer;
  };
  const joins = () => site().metric('signaling_joins_total{protocol="original",result="ok"}');
  /** Two members on different nodes, where there are two. */
  const pair = async (room: string): Promise<[Peer, Peer]> => {
    const before = await joins();
    const one = open(site().first, room);
    await until(async () => (await joins()) === before + 1);
    const two = open(site().second, room);
    await until(async () => (await joins()) === before + 2);
    return [one, two];
  };

  test('nobody answers a join, and every message arrives as it was written', async () => {
    const [one, two] = await pair('relay');
    const texts = [
      '{"type":"offer","sdp":"v=0\\r\\n"}',
      '{ "type" : "answer", "sdp": "v=0", "unknown": [1, {"a": null}] }',
      '{"type":"candidate","candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0}',
      '{"type":"candidate","candidate":"candidate:1","sdpMid":null,"sdpMLineIndex":null}',
      '{"type":"candidate","candidate":"candidate:1","usernameFragment":"abcd"}',
      '{"type":"candidate","candidate":""}',
      '{"type":"candidate","candidate":null}',
      '{"type":"control","action":"pause"}',
      '{"type":"control","action":"x","payload":{"deep":[{"er":1}]}}',
      '{"type":"video-metrics","queueDepth":1,"overwriteDrops":2,"backpressureSkips":0,"outOfOrder":0,"vpGpuMs":0.4}',
      '{"type":"video-metrics","queueDepth":1}',
    ];
    for (const text of texts) two.send(text);
    await until(() => one.texts.length === texts.length);
    expect(one.texts).toEqual(texts);
    expect(two.texts).toEqual([]);
    for (const text of texts) one.send(text);
    await until(() => two.texts.length === texts.length);
    expect(two.texts).toEqual(texts);
  });

  test('who leaves is told of as peer-disconnected, once, and its place is free', async () => {
    const [one, two] = await pair('leave');
    one.socket.close();
    expect(await two.next()).toEqual({ type: 'peer-disconnected' });
    const again = open(site().first, 'leave');
    await again.opened;
    two.send(control('hello'));
    // A message to nobody is dropped; this one comes once the other is there.
    await until(() => {
      two.send(control('hello'));
      return again.received.length > 0;
    });
    expect(again.received[0]).toEqual(control('hello'));
    again.socket.terminate();
    expect(await two.next()).toEqual({ type: 'peer-disconnected' });
    expect(two.texts.filter((text) => text.includes('peer-disconnected'))).toEqual([
      '{"type":"peer-disconnected"}',
      '{"type":"peer-disconnected"}',
    ]);
  });

  test('the third is told that the room is full, with 1000', async () => {
    await pair('full');
    for (const base of [site().first, site().second]) {
      const third = open(base, 'full');
      expect(await third.closed).toEqual({ code: 1000, reason: 'Room is full' });
      expect(third.texts).toEqual([]);
    }
  });

  test('a message of another form is answered with schema-error and reaches nobody', async () => {
    const [one, two] = await pair('schema');
    for (const bad of ['{"type":"offer"}', '{"type":"join"}', '{"sdp":"x"}']) {
      two.send(bad);
      expect(await two.next()).toEqual({ type: 'control', action: 'schema-error' });
    }
    two.send(control('after'));
    expect(await one.next()).toEqual(control('after'));
    expect(one.texts).toHaveLength(1);
  });

  test('1000 of 1000 offers that are sent in onopen arrive', async () => {
    let arrived = 0;
    const size = 50;
    for (let base = 0; base < 1000; base += size) {
      const before = await joins();
      const receivers = Array.from({ length: size }, (_unused, index) =>
        open(site().first, `offer-${base + index}`),
      );
      await until(async () => (await joins()) === before + size);
      const senders = receivers.map((_receiver, index) => {
        const sender = open(site().second, `offer-${base + index}`);
        sender.socket.once('open', () => {
          sender.send({ type: 'offer', sdp: `sdp-${base + index}` });
        });
        return sender;
      });
      const offers = await Promise.all(receivers.map((receiver) => receiver.next()));
      for (const [index, offer] of offers.entries()) {
        expect(offer).toEqual({ type: 'offer', sdp: `sdp-${base + index}` });
        arrived += 1;
      }
      for (const peer of [...senders, ...receivers]) peer.socket.terminate();
      await Promise.all([...senders, ...receivers].map((peer) => peer.closed));
    }
    expect(arrived).toBe(1000);
  }, 60_000);

  test('0 of 10,000 messages are reordered, from the first on, in 20 rooms at once', async () => {
    const rooms = Array.from({ length: 20 }, (_unused, index) => `order-${index}`);
    const before = await joins();
    const receivers = rooms.map((room) => open(site().first, room));
    await until(async () => (await joins()) === before + rooms.length);
    const each = 500;
    const offer: Message = { type: 'offer', sdp: 'first' };
    for (const room of rooms) {
      const sender = open(site().second, room);
      // The first before the join is done; the candidates must not overtake it.
      sender.socket.once('open', () => {
        sender.send(offer);
        for (let count = 1; count < each; count += 1) {
          sender.send({ type: 'candidate', candidate: `c${count}` });
        }
      });
    }
    await until(() => receivers.every((receiver) => receiver.received.length === each));
    const expected = [
      offer,
      ...Array.from({ length: each - 1 }, (_unused, index) => ({
        type: 'candidate',
        candidate: `c${index + 1}`,
      })),
    ];
    for (const receiver of receivers) expect(receiver.received).toEqual(expected);
  }, 60_000);

  test('1000 sockets that close while they join leave 0 ghosts', async () => {
    const rooms = Array.from({ length: 10 }, (_unused, index) => `ghost-${index}`);
    for (let base = 0; base < 1000; base += 100) {
      const some = Array.from({ length: 100 }, (_unused, index) => {
        const node = index % 2 === 0 ? site().first : site().second;
        return open(node, rooms[index % rooms.length] ?? '');
      });
      for (const [index, { socket }] of some.entries()) {
        socket.once('open', () => {
          if (index % 3 === 0) socket.close();
          else socket.terminate();
        });
      }
      await Promise.all(some.map((peer) => peer.closed));
    }
    await until(async () => (await site().metric('signaling_members{state="connected"}')) === 0);
    expect(await site().metric('signaling_connections{protocol="original"}')).toBe(0);
    await until(() => site().forgotten(rooms));
    // No place is taken by somebody who is not there.
    for (const room of rooms) {
      const [one, two] = await pair(room);
      two.send(control('works'));
      expect(await one.next('control')).toEqual(control('works'));
    }
  }, 60_000);
}
