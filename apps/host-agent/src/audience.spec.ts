import type { ArrivalReport, PeerFeedback } from '@peerdeck/native-capture';
import { encodeRecord } from '@peerdeck/protocol';
import { flush } from './testing/clock.ts';
import { openAudience } from './testing/test-audience.ts';
import type { TestViewer } from './testing/test-viewer.ts';

interface Permissions {
  permissions: { control: boolean };
}

const keyDown = encodeRecord({ kind: 'key', usage: 4, down: true, repeat: false });
const feedback = (change: Partial<PeerFeedback>): PeerFeedback => ({
  intervalMs: 100,
  rttMs: 20,
  jitterMs: 2,
  lossFraction: 0,
  lossFractionRr: 0,
  queueDelayMs: 1,
  delayTrendMsPerS: 0,
  sentBytes: 60_000,
  sentPackets: 60,
  ackedBytes: 60_000,
  receiveRateBps: 4_800_000,
  retransmittedPackets: 0,
  nacks: 0,
  plis: 0,
  firs: 0,
  twccReports: 2,
  receiverReports: 0,
  pacerQueueMs: 0,
  ...change,
});

/** Eight frames of 12 kB in 130 ms, that have met a queue. */
function arrivals(sentMs: number, queueMs: number): ArrivalReport {
  const at = (index: number) => sentMs + index * 16;
  const bursts = Array.from({ length: 8 }, (_unused, index) => ({
    sentMs: at(index),
    sentSpanMs: 0,
    arrivalMs: 5000 + at(index) + queueMs,
    arrivalSpanMs: 12,
    delayMs: 5000 + queueMs,
    ...{ bytes: 12_000, tailBytes: 10_800, packets: 10, lost: 0 },
  }));
  const bytes = (1 + sentMs / 200) * 96_000;
  return {
    ...{ atMs: at(8) + 40 + queueMs, bursts, inFlightBytes: 40_000 },
    ...{ sentBytes: bytes, ackedBytes: bytes, receivedPackets: bytes / 1200, lostPackets: 0 },
  };
}

describe('Audience', () => {
  it('lets a viewer in, proves itself first, and tells it the session', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.join();
    const kinds = (peer.texts('control') as { type: string }[]).map((one) => one.type);
    expect(kinds[0]).toBe('auth');
    const [proof] = viewer.heard<{ mac: string }>('auth');
    expect(viewer.auth.verifyHostTranscript(proof?.mac ?? '')).toEqual({ ok: true });
    expect(viewer.heard('session').at(-1)).toMatchObject({
      role: 'control',
      host: 'test host',
      permissions: { view: true, control: true },
      source: { kind: 'desktop', title: ':1' },
      video: { width: 1280, height: 720, codec: 'h264' },
    });
    expect(t.pipeline()?.running).toBe(true);
    // Said again only when something in it changes.
    expect(viewer.heard('session')).toHaveLength(1);
  });

  it('answers a proof that overtakes the news of the open channel', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.offer();
    viewer.says({ type: 'auth', mac: viewer.auth.transcriptMac() });
    peer?.emit('channel', 'control', 'open');
    await flush();
    expect(viewer.heard('auth')).toHaveLength(1);
    expect(viewer.heard('session').length).toBeGreaterThan(0);
  });

  it('refuses an offer without proof, with a wrong one, or replayed', async () => {
    const t = await openAudience();
    t.audience.offer(t.viewer('a').bareOffer());
    t.audience.offer(t.viewer('b', { key: new Uint8Array(32) }).offerMessage());
    const good = t.viewer('c').offerMessage();
    t.audience.offer(good);
    await flush();
    t.audience.offer(good);
    await flush();
    expect(t.sent.map((one) => [one.type, 'code' in one ? one.code : ''])).toEqual([
      ['reject', 'not-authenticated'],
      ['reject', 'not-authenticated'],
      ['answer', ''],
      ['reject', 'not-authenticated'],
    ]);
    expect(t.audience.size).toBe(1);
  });

  it('lets bare offers in only where the configuration says so', async () => {
    const t = await openAudience({ 'host.acceptUnauthenticated': 'true' });
    t.audience.offer(t.viewer('a').bareOffer());
    await flush();
    expect(t.sent.map((one) => one.type)).toEqual(['answer']);
  });

  it('drops a viewer whose first message is no proof, and passes no input of it', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.offer();
    peer?.emit('channel', 'control', 'open');
    peer?.emit('data', 'input', keyDown);
    viewer.says({ type: 'stats', on: true });
    await flush();
    expect(viewer.heard('error')).toMatchObject([{ code: 'not-authenticated' }]);
    expect(peer?.closed).toBe(true);
    expect(t.audience.size).toBe(0);
    expect(t.injector()?.events ?? []).toEqual([]);
  });

  it('drops a viewer that proves nothing in time', async () => {
    const t = await openAudience();
    const peer = await t.viewer('a').offer();
    t.audience.tick(20_001);
    await flush();
    expect(peer?.closed).toBe(true);
  });

  it('passes input of the one in control only, and hands over', async () => {
    const t = await openAudience();
    const [a, b, watcher] = [t.viewer('a'), t.viewer('b'), t.viewer('w', { role: 'view' })];
    const [peerA, peerW] = [await a.join(), await watcher.join()];
    peerA.emit('data', 'input', keyDown);
    peerW.emit('data', 'input', keyDown);
    expect(t.injector()?.events).toEqual([{ kind: 'key', usage: 4, down: true }]);
    await b.join();
    // What a held is let go when b takes over.
    expect(t.injector()?.events.at(-1)).toEqual({ kind: 'key', usage: 4, down: false });
    peerA.emit('data', 'input', keyDown);
    expect(t.injector()?.events).toHaveLength(2);
    const control = (viewer: TestViewer) =>
      viewer.heard<Permissions>('session').map((one) => one.permissions.control);
    expect(control(a).at(-1)).toBe(false);
    expect(control(b).at(-1)).toBe(true);
    expect(control(watcher)).not.toContain(true);
    b.says({ type: 'bye' });
    await flush();
    expect(control(a).at(-1)).toBe(true);
  });

  it('has input read of the one in control only, so that a watcher floods nobody', async () => {
    const { viewer } = await openAudience();
    const a = viewer('a');
    const peerA = await a.join();
    const watcher = await viewer('w', { role: 'view' }).join();
    expect([peerA.input, watcher.input]).toEqual([true, false]);
    const b = viewer('b');
    const peerB = await b.join();
    expect([peerA.input, watcher.input, peerB.input]).toEqual([false, false, true]);
    b.says({ type: 'bye' });
    await flush();
    expect([peerA.input, watcher.input]).toEqual([true, false]);
  });

  it('keeps the seat with the first where the configuration says wait', async () => {
    const t = await openAudience({ 'host.secondController': 'wait' });
    const [a, b] = [t.viewer('a'), t.viewer('b')];
    await a.join();
    await b.join();
    expect(a.heard<Permissions>('session').at(-1)?.permissions.control).toBe(true);
    expect(b.heard<Permissions>('session').at(-1)?.permissions.control).toBe(false);
  });

  it('gives control to nobody where input is off', async () => {
    const t = await openAudience({ 'host.input.enabled': 'false' });
    const a = t.viewer('a');
    const peer = await a.join();
    peer.emit('data', 'input', keyDown);
    expect(a.heard<Permissions>('session').at(-1)?.permissions.control).toBe(false);
    expect(t.host.injectors.size).toBe(0);
  });

  it('refuses one viewer too many, and the same viewer never counts twice', async () => {
    const t = await openAudience({ 'host.maxViewers': '1' });
    const a = t.viewer('a');
    const first = await a.join();
    await t.viewer('b').offer();
    expect(t.sent.at(-1)).toMatchObject({ type: 'reject', code: 'host-full' });
    const again = t.viewer('again');
    again.peerId = a.peerId;
    await again.join();
    expect(first.closed).toBe(true);
    expect(t.audience.size).toBe(1);
  });

  it('frees everything when the last one leaves, and serves the next', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    peer.emit('data', 'input', keyDown);
    a.says({ type: 'bye' });
    await flush();
    await t.screen.settled();
    expect(peer.closed).toBe(true);
    expect(await t.host.leaks()).toEqual({
      pion: { engines: 1, peers: 0 },
      capture: { pipelines: 0, injectors: 0 },
    });
    await t.viewer('b').join();
    expect(t.pipeline()?.running).toBe(true);
  });

  it('closes a broken connection at once if signaling lost the viewer too', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    t.audience.member(a.peerId, 'detached');
    expect(peer.closed).toBe(false); // its picture still runs
    peer.emit('state', 'disconnected');
    await flush();
    expect(peer.closed).toBe(true);
  });

  it('waits a moment for an ICE restart, lets go of keys at once, and then closes', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    peer.emit('data', 'input', keyDown);
    peer.emit('state', 'failed');
    expect(t.injector()?.events.at(-1)).toEqual({ kind: 'key', usage: 4, down: false });
    t.audience.tick(2000);
    // Signaling was made anew in between: another peer id, the same session.
    a.peerId = 'peer-new';
    await a.offer();
    expect(peer.offers).toHaveLength(2);
    peer.emit('state', 'connected');
    t.audience.tick(9000);
    await flush();
    expect(peer.closed).toBe(false);
    peer.emit('state', 'failed');
    await t.clock.advance(2600);
    t.audience.tick(t.clock.now());
    await flush();
    expect(peer.closed).toBe(true);
  });

  it('keeps live viewers that a restarted signaling service has forgotten', async () => {
    const t = await openAudience();
    const peer = await t.viewer('a').join();
    t.audience.members(new Map());
    await flush();
    expect(peer.closed).toBe(false);
    peer.emit('state', 'disconnected');
    await flush();
    expect(peer.closed).toBe(true);
  });

  it('trickles both ways, in order, and only from the viewer itself', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    t.audience.offer(a.offerMessage());
    const wire = { type: 'candidate', session: a.session, sdpMid: '0' } as const;
    t.audience.candidate({ ...wire, from: a.peerId, candidate: 'one' });
    t.audience.candidate({ ...wire, from: 'peer-stranger', candidate: 'evil' });
    t.audience.candidate({ ...wire, from: a.peerId, candidate: '' });
    await flush();
    const [peer] = t.engine.peers;
    expect(peer?.offers).toHaveLength(1);
    expect(peer?.candidates.map((one) => one.candidate)).toEqual(['one', '']);
    peer?.emit('candidate', { candidate: 'mine', sdpMid: '0', sdpMLineIndex: 0 });
    expect(t.sent.at(-1)).toEqual({
      type: 'candidate',
      to: a.peerId,
      session: a.session,
      candidate: 'mine',
      sdpMid: '0',
      sdpMLineIndex: 0,
    });
  });

  it('measures the round trip ten times a second and answers pings', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    a.says({ type: 'ping', id: 3, t: 77 });
    expect(a.heard('pong')).toEqual([{ type: 'pong', id: 3, t: 77 }]);
    t.audience.tick(0);
    await t.clock.advance(30);
    const ping = a.heard<{ id: number; t: number }>('ping').at(-1);
    a.says({ type: 'pong', id: ping?.id, t: ping?.t });
    a.says({ type: 'stats', on: true });
    peer.emit('feedback', feedback({ rttMs: null }));
    t.audience.tellStats();
    expect(a.heard('host-stats').at(-1)).toMatchObject({ rttMs: 30, lossFraction: 0 });
  });

  it('pings less often while next to nothing is sent', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    for (let n = 0; n < 10; n += 1) t.audience.tick(n * 100);
    expect(a.heard('ping')).toHaveLength(10);
    for (let n = 0; n < 5; n += 1) peer.emit('feedback', feedback({ sentBytes: 0 }));
    for (let n = 10; n < 20; n += 1) t.audience.tick(n * 100);
    expect(a.heard('ping')).toHaveLength(12);
    peer.emit('feedback', feedback({}));
    for (let n = 20; n < 25; n += 1) t.audience.tick(n * 100);
    expect(a.heard('ping')).toHaveLength(17);
  });

  it('steers the encoder by the path of the one in control', async () => {
    const t = await openAudience();
    const [a, watcher] = [t.viewer('a'), t.viewer('w', { role: 'view' })];
    const [peer, slow] = [await a.join(), await watcher.join()];
    for (const each of [peer, slow]) each.emit('arrivals', arrivals(0, 0));
    const start = t.pipeline()?.rates.at(-1)?.bitsPerSecond ?? 0;
    expect(start).toBeGreaterThan(5_900_000);
    await t.clock.advance(200);
    slow.emit('arrivals', arrivals(200, 150));
    expect(slow.paces.at(-1)?.bitsPerSecond).toBeLessThan(0.85 * start);
    // The watcher's queue lowered its own pace, not the stream.
    expect(t.pipeline()?.rates.at(-1)?.bitsPerSecond).toBeGreaterThan(0.98 * start);
    peer.emit('arrivals', arrivals(200, 150));
    expect(peer.paces.at(-1)).toMatchObject({ gain: 1 });
    expect(peer.paces.at(-1)?.bitsPerSecond).toBeLessThan(0.85 * start);
    expect(t.pipeline()?.rates.at(-1)?.bitsPerSecond).toBeLessThan(0.85 * start);
  });

  it('on a host that cannot take input, tells every viewer so and why', async () => {
    const t = await openAudience();
    t.host.injectorError = new Error('the X server has no XTEST extension');
    const [a, watcher] = [t.viewer('a'), t.viewer('w', { role: 'view' })];
    await a.join();
    await watcher.join();
    for (const viewer of [a, watcher]) {
      expect(viewer.heard('session').at(-1)).toMatchObject({
        permissions: { control: false },
        noInput: 'the X server has no XTEST extension',
      });
    }
    const off = await openAudience({ 'host.input.enabled': 'false' });
    const b = off.viewer('b');
    await b.join();
    expect(b.heard('session').at(-1)).toMatchObject({ noInput: 'the owner has turned input off' });
  });

  it('stops video for a hidden page and forwards the cursor', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    a.says({ type: 'visibility', visible: false });
    await flush();
    expect(peer.video).toBe(false);
    const shape = { serial: 9, hotX: 1, hotY: 2, width: 16, height: 16, png: 'AAAA' };
    t.pipeline()?.emit('cursor', shape);
    expect(a.heard('cursor')).toEqual([{ type: 'cursor', ...shape }]);
    t.pipeline()?.emit('cursor', { serial: 10, hidden: true });
    expect(a.heard('cursor').at(-1)).toMatchObject({ serial: 10, hidden: true, png: '' });
    t.pipeline()?.emit('cursor', { ...shape, png: 'A'.repeat(20_000) });
    expect(a.heard('cursor')).toHaveLength(2);
  });

  it('tells viewers when the screen is lost, resized and back', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    await a.join();
    t.host.pipelineError = new Error('no display');
    t.pipeline()?.emit('source', { state: 'lost', reason: 'X died' });
    await flush();
    expect(a.heard<{ message: string }>('error').at(-1)?.message).toContain('X died');
    expect(t.host.pipelines.size).toBe(0);
    await t.clock.advance(1000);
    expect(a.heard('error')).toHaveLength(1); // told once, tried again
    t.host.pipelineError = undefined;
    t.host.info = { ...t.host.info, width: 800, height: 600 };
    await t.clock.advance(1000);
    expect(a.heard('session').at(-1)).toMatchObject({ video: { width: 800, height: 600 } });
    t.pipeline()?.emit('source', { state: 'resized', width: 640, height: 480 });
    expect(a.heard('session').at(-1)).toMatchObject({ video: { width: 640, height: 480 } });
  });

  it('ends: keys up, viewers told, connections closed, nobody let in', async () => {
    const t = await openAudience();
    const a = t.viewer('a');
    const peer = await a.join();
    peer.emit('data', 'input', keyDown);
    t.audience.tellEnded('host-closed');
    t.audience.shut();
    expect(t.injector()?.events.at(-1)).toEqual({ kind: 'key', usage: 4, down: false });
    peer.emit('data', 'input', keyDown);
    expect(t.injector()?.events).toHaveLength(2);
    await t.audience.endAll('host-closed');
    expect(a.heard('ended')[0]).toEqual({ type: 'ended', reason: 'host-closed' });
    expect(peer.closed).toBe(true);
    await t.viewer('b').offer();
    expect(t.sent.at(-1)).toMatchObject({ type: 'reject', code: 'host-closing' });
  });
});
