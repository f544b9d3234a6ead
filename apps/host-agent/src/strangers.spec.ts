import { encodeRecord, ViewerAuth } from '@peerdeck/protocol';
import { REMOVED_MS } from './admission.ts';
import { flush } from './testing/clock.ts';
import { openAudience } from './testing/test-audience.ts';
import { KEYS } from './testing/test-viewer.ts';

const keyDown = encodeRecord({ kind: 'key', usage: 4, down: true, repeat: false });
const rejects = (t: Awaited<ReturnType<typeof openAudience>>) =>
  t.sent.filter((one) => one.type === 'reject');

describe('somebody without the code', () => {
  it('who sends 60 offers and leaves gets a few refusals, and none once gone', async () => {
    const t = await openAudience();
    const owner = await t.viewer('owner').join();
    const stranger = t.viewer('stranger');
    const offers = Array.from({ length: 60 }, (_, index) => ({
      ...stranger.bareOffer(),
      session: `bogus-${index}`,
    }));
    for (const offer of offers.slice(0, 30)) t.audience.offer(offer);
    expect(rejects(t).length).toBeGreaterThan(0);
    expect(rejects(t).length).toBeLessThanOrEqual(5);
    const before = rejects(t).length;
    t.gone.add(stranger.peerId);
    t.audience.member(stranger.peerId, 'gone');
    await t.clock.advance(3_600_000);
    for (const offer of offers.slice(30)) t.audience.offer(offer);
    await flush();
    expect(rejects(t)).toHaveLength(before);
    expect(t.audience.size).toBe(1);
    expect(owner.closed).toBe(false);
  });

  it('who comes under a thousand names gets no more than the host has to give', async () => {
    const t = await openAudience();
    for (let index = 0; index < 1000; index += 1)
      t.audience.offer(t.viewer(`s${index}`).bareOffer());
    expect(rejects(t).length).toBeLessThanOrEqual(40);
    expect(t.engine.peers.size).toBe(0);
    await t.viewer('owner').join();
    expect(t.audience.readyPeers()).toHaveLength(1);
  });

  it('who says that a live viewer left ends nothing', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.join();
    t.audience.member(viewer.peerId, 'gone');
    await t.clock.advance(60_000);
    t.audience.tick(t.clock.now());
    await flush();
    expect(peer.closed).toBe(false);
    // Its own silence does.
    peer.emit('state', 'disconnected');
    await flush();
    expect(peer.closed).toBe(true);
  });

  it('has a viewer that proved nothing closed when it leaves', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.offer();
    t.audience.member(viewer.peerId, 'gone');
    await flush();
    expect(peer?.closed).toBe(true);
  });

  it('who plays recorded offers to a host that started anew opens its screen for moments', async () => {
    const t = await openAudience();
    let openMs = 0;
    for (let index = 0; index < 100; index += 1) {
      t.audience.offer(t.viewer(`recorded-${index}`).offerMessage());
      for (let tick = 0; tick < 100; tick += 1) {
        await t.clock.advance(100);
        t.audience.tick(t.clock.now());
        if (t.pipeline()?.running === true) openMs += 100;
      }
    }
    // 1000 s of recordings.
    expect(openMs).toBeGreaterThan(0);
    expect(openMs).toBeLessThan(120_000);
  }, 60_000);
});

describe('an owner who comes while recordings or watchers fill the host', () => {
  it('takes the place of an offer that nothing came of', async () => {
    const t = await openAudience({ 'host.maxViewers': '2' });
    for (const name of ['one', 'two']) await t.viewer(name).offer();
    await t.viewer('owner').join();
    expect(t.audience.readyPeers()).toEqual(['peer-owner']);
  });

  it('takes the place of a watcher, once it has proved itself, and the watcher is told', async () => {
    const t = await openAudience({ 'host.maxViewers': '2' });
    const [one, two] = [t.viewer('one', { role: 'view' }), t.viewer('two', { role: 'view' })];
    const peers = [await one.join(), await two.join()];
    const owner = t.viewer('owner');
    await owner.offer();
    expect(peers.map((peer) => peer.closed)).toEqual([false, false]);
    owner.peer?.emit('state', 'connected');
    owner.peer?.emit('channel', 'control', 'open');
    owner.says({ type: 'auth', mac: owner.auth.transcriptMac() });
    await flush();
    expect(peers.map((peer) => peer.closed)).toEqual([false, true]);
    expect(t.audience.readyPeers()).toEqual(['peer-one', 'peer-owner']);
  });

  it('a watcher takes nobody’s place', async () => {
    const t = await openAudience({ 'host.maxViewers': '1' });
    await t.viewer('one', { role: 'view' }).join();
    await t.viewer('two', { role: 'view' }).offer();
    expect(rejects(t)).toMatchObject([{ to: 'peer-two', code: 'host-full' }]);
  });
});

describe('a viewer that costs more than its share', () => {
  it('by toggling its visibility has a few keyframes, is told, slowed and removed', async () => {
    const t = await openAudience();
    const other = await t.viewer('other').join();
    const bad = t.viewer('bad', { role: 'view' });
    const peer = await bad.join();
    let shown = 0;
    const setVideo = peer.setVideo.bind(peer);
    peer.setVideo = (on) => {
      if (on) shown += 1;
      return setVideo(on);
    };
    const second = async (): Promise<void> => {
      for (let frame = 0; frame < 60; frame += 1) {
        bad.says({ type: 'visibility', visible: frame % 2 === 1 });
        await t.clock.advance(1000 / 60);
        t.audience.tick(t.clock.now());
      }
    };
    await second();
    expect(shown).toBeLessThanOrEqual(7);
    expect(bad.heard('error')).toMatchObject([{ code: 'rate-limited' }]);
    expect(peer.closed).toBe(false);
    for (let time = 0; time < 9; time += 1) await second();
    expect(shown).toBeLessThanOrEqual(12);
    expect(peer.closed).toBe(true);
    expect(t.kicked).toEqual([bad.peerId]);
    expect(other.closed).toBe(false);
  });

  it('by hiding and showing as people do sees its picture at once each time', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.join();
    for (let time = 0; time < 30; time += 1) {
      for (const visible of [false, true]) {
        viewer.says({ type: 'visibility', visible });
        await t.clock.advance(2000);
        t.audience.tick(t.clock.now());
        expect(peer.video).toBe(visible);
      }
    }
    expect(viewer.heard('error')).toEqual([]);
  });

  it('over its keyframes sees its picture a little later, not never', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.join();
    for (let time = 0; time < 8; time += 1) {
      viewer.says({ type: 'visibility', visible: false });
      viewer.says({ type: 'visibility', visible: true });
      await flush();
    }
    expect(peer.video).toBe(false);
    await t.clock.advance(2100);
    t.audience.tick(t.clock.now());
    await flush();
    expect(peer.video).toBe(true);
  });

  it.each([
    ['pings', { type: 'ping', id: 1, t: 1 }, 'pong'],
    ['messages that are none', { type: 'ping' }, 'error'],
  ])('by %s gets few answers, and is removed if it goes on', async (_, message, answer) => {
    const t = await openAudience();
    const bad = t.viewer('bad');
    const peer = await bad.join();
    for (let time = 0; time < 5000; time += 1) bad.says(message);
    expect(bad.heard(answer).length).toBeLessThanOrEqual(62);
    expect(peer.closed).toBe(false);
    await t.clock.advance(4000);
    for (let time = 0; time < 5000; time += 1) bad.says(message);
    await flush();
    expect(peer.closed).toBe(true);
    expect(t.kicked).toEqual([bad.peerId]);
  });

  it('by input without end is removed, and keeps nobody from typing', async () => {
    const t = await openAudience();
    const bad = t.viewer('bad', { role: 'view' });
    const badPeer = await bad.join();
    const owner = await t.viewer('owner').join();
    for (let second = 0; second < 5; second += 1) {
      for (let time = 0; time < 8000; time += 1) badPeer.emit('data', 'input', keyDown);
      await t.clock.advance(1000);
    }
    owner.emit('data', 'input', keyDown);
    expect(t.injector()?.events).toEqual([{ kind: 'key', usage: 4, down: true }]);
    expect(badPeer.closed).toBe(true);
  });

  it('by offers under ever new sessions has one connection at a time, and is removed', async () => {
    const t = await openAudience();
    const owner = await t.viewer('owner').join();
    let most = 0;
    const offer = async (index: number): Promise<void> => {
      const session = `fresh-${index}`;
      const auth = new ViewerAuth({ session, role: 'view', key: KEYS.viewKey });
      const sdp = 'v=0 offer';
      t.audience.offer({
        ...{ type: 'offer', from: 'peer-bad', session, sdp },
        auth: auth.makeOffer(sdp),
      });
      if (index % 10 === 0) await flush();
      most = Math.max(most, t.engine.peers.size);
    };
    for (let index = 0; index < 200; index += 1) await offer(index);
    expect(t.host.journal.filter((line) => line === 'peer.open').length).toBeLessThanOrEqual(22);
    expect(most).toBeLessThanOrEqual(3);
    await t.clock.advance(4000);
    for (let index = 200; index < 400; index += 1) await offer(index);
    expect(t.kicked).toContain('peer-bad');
    await flush();
    const before = t.sent.length;
    await t.clock.advance(REMOVED_MS - 10_000);
    await offer(400);
    expect(t.sent.slice(before)).toMatchObject([{ type: 'reject', code: 'declined' }]);
    expect(owner.closed).toBe(false);
  });
});

describe('a viewer whose ICE restarts follow each other at once', () => {
  it('gets to each offer the answer that is bound to it', async () => {
    const t = await openAudience();
    const viewer = t.viewer('a');
    const peer = await viewer.join();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    peer.answer = async (sdp) => {
      await held;
      return `answer to ${sdp}`;
    };
    const [first, second] = [viewer.offerMessage('restart 1'), viewer.offerMessage('restart 2')];
    t.audience.offer(first);
    t.audience.offer(second);
    release();
    await flush();
    const answers = t.sent.flatMap((one) => (one.type === 'answer' ? [one] : [])).slice(1);
    expect(answers.map((one) => [one.sdp, one.auth?.counter])).toEqual([
      ['answer to restart 1', 1],
      ['answer to restart 2', 2],
    ]);
    const last = answers[1];
    expect(viewer.auth.verifyAnswer(last?.sdp ?? '', last?.auth)).toEqual({ ok: true });
  });
});
