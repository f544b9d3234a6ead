import { FakeMediaHost } from '@peerdeck/native-capture/testing';
import { CLOSE_CODES, generateHostKey, generateRoomCode, ViewerAuth } from '@peerdeck/protocol';
import { Agent } from './agent.ts';
import { loadConfig } from './config.ts';
import { makeLinks } from './link.ts';
import { silentLog } from './log.ts';
import type { HostReady, HostStatus } from './status.ts';
import { flush, TestClock } from './testing/clock.ts';
import { TestSignaling } from './testing/test-socket.ts';
import { CODE, KEYS } from './testing/test-viewer.ts';

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});

function setUp(flags: Record<string, string> = {}, token?: () => string) {
  const { config } = loadConfig({ env: {}, flags });
  const identity = { code: CODE, hostKey: generateHostKey() };
  const signalingUrl = config.client.serverUrlBase;
  const host = new FakeMediaHost();
  const signaling = new TestSignaling();
  const clock = new TestClock();
  const ready: HostReady[] = [];
  const statuses: HostStatus[] = [];
  const agent = new Agent({
    config,
    identity,
    links: makeLinks({ identity, signalingUrl, webUrl: '' }),
    renew: () => {
      const renewed = { code: generateRoomCode(), hostKey: identity.hostKey };
      return {
        identity: renewed,
        links: makeLinks({ identity: renewed, signalingUrl, webUrl: '' }),
      };
    },
    display: ':1',
    host,
    WebSocket: signaling.WebSocket,
    token,
    status: {
      ready: (message) => ready.push(message),
      status: (message) => statuses.push(message),
      close: () => {},
    },
    log: silentLog(),
    timers: clock,
    now: clock.now,
  });
  agents.push(agent);
  return { agent, host, signaling, clock, ready, statuses };
}

type SetUp = ReturnType<typeof setUp>;

/** A viewer comes in over the signaling socket and proves itself. */
async function viewerJoins({ host, signaling, clock }: SetUp, from = 'viewer-1') {
  const session = `session-${from}`;
  const auth = new ViewerAuth({ session, role: 'control', key: KEYS.controlKey });
  const { socket } = signaling;
  socket.says({ type: 'member-joined', peerId: from, role: 'viewer' });
  const sdp = 'v=0 offer';
  socket.says({ type: 'offer', from, session, sdp, auth: auth.makeOffer(sdp) });
  await clock.advance(0);
  const answer = socket.heard('answer').at(-1) as unknown as {
    sdp: string;
    auth: Parameters<ViewerAuth['verifyAnswer']>[1];
  };
  auth.verifyAnswer(answer.sdp, answer.auth);
  const [engine] = host.engines;
  const peer = [...(engine?.peers ?? [])].at(-1);
  if (peer === undefined) throw new Error('no peer was opened');
  peer.emit('state', 'connected');
  peer.emit('channel', 'control', 'open');
  peer.emit('text', 'control', JSON.stringify({ type: 'auth', mac: auth.transcriptMac() }));
  await flush();
  return peer;
}

describe('Agent', () => {
  it('checks the source, joins as the host, and says once that it is ready', async () => {
    const t = setUp();
    await t.agent.start();
    expect(t.host.journal).toEqual([
      'engine.open',
      'stream.open',
      'pipeline.open',
      'injector.open',
      'injector.close',
      'pipeline.close',
    ]);
    expect(t.ready).toEqual([]);
    expect(t.statuses.at(-1)?.state).toBe('starting');
    t.signaling.welcome();
    expect(t.signaling.socket.heard('join')[0]).toMatchObject({ role: 'host', maxViewers: 4 });
    expect(t.ready).toHaveLength(1);
    expect(t.ready[0]).toMatchObject({
      type: 'ready',
      state: 'waiting',
      roomCode: CODE,
      viewCode: KEYS.viewCode,
      display: ':1',
      width: 1280,
      height: 720,
      encoder: 'fake',
      signalingUrl: 'ws://localhost:3002',
    });
    expect(t.ready[0]?.viewerUrl).toContain(`#c=${CODE}`);
  });

  it('goes on when its token ends: it comes back with the next one', async () => {
    let token = 'old';
    const t = setUp({}, () => token);
    await t.agent.start();
    t.signaling.welcome();
    expect(t.signaling.socket.heard('join')[0]).toMatchObject({ token: 'old' });
    token = 'new';
    t.signaling.socket.lose(4001, 'unauthorized');
    expect(t.statuses.at(-1)?.problem).toContain('unauthorized');
    await t.clock.advance(1000);
    t.signaling.welcome();
    expect(t.signaling.socket.heard('join')[0]).toMatchObject({ token: 'new', resume: 'token' });
    expect(t.statuses.at(-1)?.problem).toBe('');
  });

  it('streams to a viewer, reports it, and frees everything when it leaves', async () => {
    const t = setUp();
    await t.agent.start();
    t.signaling.welcome([], [{ urls: ['turn:relay'], username: 'u', credential: 'c' }]);
    const peer = await viewerJoins(t);
    expect(peer.options.iceServers).toEqual([
      { urls: ['turn:relay'], username: 'u', credential: 'c' },
    ]);
    expect(t.statuses.at(-1)).toMatchObject({ state: 'streaming', viewers: 1 });
    expect(t.clock.pending).toBeGreaterThan(0);
    await t.clock.advance(1000);
    expect(
      peer.texts('control').filter((one) => (one as { type: string }).type === 'ping').length,
    ).toBeGreaterThanOrEqual(9);
    peer.emit('text', 'control', JSON.stringify({ type: 'bye' }));
    await flush();
    expect(peer.closed).toBe(true);
    expect(t.host.pipelines.size).toBe(0);
    expect(t.statuses.at(-1)).toMatchObject({ state: 'waiting', viewers: 0 });
    await viewerJoins(t, 'viewer-2');
    expect(t.statuses.at(-1)).toMatchObject({ state: 'streaming', viewers: 1 });
  });

  it('gives a new viewer the newest ICE servers, after its own', async () => {
    const t = setUp({ iceServers: '[{"urls":["stun:own"]}]' });
    await t.agent.start();
    t.signaling.welcome([], [{ urls: ['turn:relay'], username: '1:u', credential: 'c' }]);
    const newer = { urls: ['turn:relay'], username: '2:u', credential: 'd' };
    t.signaling.socket.says({ type: 'ice-servers', iceServers: [newer], ttlS: 600 });
    const peer = await viewerJoins(t);
    expect(peer.options.iceServers).toEqual([{ urls: ['stun:own'] }, newer]);
  });

  it('sends metrics once a second to each viewer, if asked to', async () => {
    const t = setUp({ 'host.video.exportMetrics': 'true' });
    await t.agent.start();
    t.signaling.welcome();
    await viewerJoins(t);
    await t.clock.advance(2000);
    const metrics = t.signaling.socket.heard('video-metrics');
    expect(metrics).toHaveLength(2);
    expect(metrics[0]).toMatchObject({
      to: 'viewer-1',
      queueDepth: 0,
      overwriteDrops: 0,
      backpressureSkips: 0,
      outOfOrder: 0,
      vpGpuMs: null,
    });
  });

  it('keeps viewers while signaling is away, and says what is wrong', async () => {
    const t = setUp();
    await t.agent.start();
    t.signaling.welcome();
    const peer = await viewerJoins(t);
    t.signaling.socket.lose(1006);
    expect(t.statuses.at(-1)?.problem).toMatch(/No signaling service at ws:\/\/localhost:3002/);
    await t.clock.advance(2000);
    t.signaling.welcome();
    await flush();
    expect(t.statuses.at(-1)?.problem).toBe('');
    expect(peer.closed).toBe(false);
    expect(t.ready).toHaveLength(1);
  });

  it.each(Object.keys(CLOSE_CODES).map(Number))(
    'serves its viewers and comes back when signaling closes it with %i',
    async (code) => {
      const t = setUp();
      await t.agent.start();
      t.signaling.welcome();
      const peer = await viewerJoins(t);
      t.signaling.socket.lose(code, 'why');
      const { problem, state } = t.statuses.at(-1) ?? {};
      expect(problem).toMatch(code === 4010 ? /Another agent/ : /why/);
      expect(state).toBe('streaming');
      const before = t.signaling.sockets.length;
      await t.clock.advance(20_000);
      expect(t.signaling.sockets.length).toBeGreaterThan(before);
      t.signaling.welcome();
      expect(t.statuses.at(-1)).toMatchObject({ problem: '', viewers: 1 });
      expect(peer.closed).toBe(false);
    },
  );

  it('says what is wrong when it is refused, kept out or displaced', async () => {
    const t = setUp();
    await t.agent.start();
    const problemAfter = async (code: number): Promise<string> => {
      t.signaling.socket.open();
      t.signaling.socket.lose(code, 'the reason');
      const text = t.statuses.at(-1)?.problem ?? '';
      const before = t.signaling.sockets.length;
      while (t.signaling.sockets.length === before) await t.clock.advance(500);
      return text;
    };
    expect(await problemAfter(4001)).toMatch(
      /refuses this host.*the reason.*token.*again in \d+ s/,
    );
    expect(await problemAfter(4011)).toMatch(/Another host has this room.*again in \d+ s/);
    expect(await problemAfter(4010)).toMatch(/Another agent uses the identity.*--identity/);
    expect(t.agent.isClosing).toBe(false);
  });

  it('has its owner remove a viewer: told, closed, and refused when it comes again', async () => {
    const t = setUp();
    await t.agent.start();
    t.signaling.welcome();
    const [one, two] = [await viewerJoins(t, 'one'), await viewerJoins(t, 'two')];
    expect(t.statuses.at(-1)?.present).toMatchObject([
      { session: 'session-one', control: false },
      { session: 'session-two', control: true },
    ]);
    expect(await t.agent.kick({ session: 'session-one', newCode: false })).toBe(1);
    expect(one.texts('control')).toContainEqual({ type: 'ended', reason: 'kicked' });
    expect([one.closed, two.closed]).toEqual([true, false]);
    const again = { from: 'one', session: 'session-again', sdp: 'v=0' };
    t.signaling.socket.says({ type: 'offer', ...again });
    expect(t.signaling.socket.heard('reject')).toMatchObject([{ to: 'one', code: 'declined' }]);
  });

  it('has its owner remove all viewers and change the code: another room, other links', async () => {
    const t = setUp();
    await t.agent.start();
    t.signaling.welcome();
    const peer = await viewerJoins(t);
    const before = t.signaling.socket;
    const [oldRoom] = before.heard('join') as unknown as { room: string }[];
    const done = t.agent.kick({ newCode: true });
    await t.clock.advance(2000);
    expect(await done).toBe(1);
    expect(peer.texts('control')).toContainEqual({ type: 'ended', reason: 'kicked' });
    expect(before.heard('leave')).toHaveLength(1);
    t.signaling.welcome();
    const [room] = t.signaling.socket.heard('join') as unknown as { room: string }[];
    expect(room?.room).not.toBe(oldRoom?.room);
    expect(t.ready).toHaveLength(2);
    expect(t.ready[1]?.roomCode).not.toBe(CODE);
    // The old code's proof is worth nothing there.
    const auth = new ViewerAuth({ session: 's', role: 'control', key: KEYS.controlKey });
    const offer = { type: 'offer', from: 'viewer-2', session: 's', sdp: 'v=0 offer' };
    t.signaling.socket.says({ type: 'member-joined', peerId: 'viewer-2', role: 'viewer' });
    t.signaling.socket.says({ ...offer, auth: auth.makeOffer(offer.sdp) });
    expect(t.signaling.socket.heard('reject')).toMatchObject([{ code: 'not-authenticated' }]);
    expect(t.statuses.at(-1)).toMatchObject({ state: 'waiting', viewers: 0, problem: '' });
  });

  it('does not join without a source', async () => {
    const t = setUp();
    t.host.pipelineError = new Error('display :1 cannot be opened');
    await expect(t.agent.start()).rejects.toThrow('display :1');
    expect(t.signaling.sockets).toEqual([]);
    await t.agent.close();
    expect(t.host.closed).toBe(true);
  });

  it('closes in the documented order, once', async () => {
    const t = setUp();
    await t.agent.start();
    t.signaling.welcome();
    const peer = await viewerJoins(t);
    t.host.journal.length = 0;
    await Promise.all([t.agent.close(), t.agent.close()]);
    expect(peer.texts('control')).toContainEqual({ type: 'ended', reason: 'host-closed' });
    expect(t.host.journal).toEqual([
      'injector.release',
      'injector.close',
      'pipeline.close',
      'peer.close',
      'engine.close',
      'host.close',
    ]);
    expect(t.signaling.socket.heard('leave')).toHaveLength(1);
    expect(t.statuses.at(-1)?.state).toBe('ended');
  });
});
