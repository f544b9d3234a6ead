// Over 400 lines: one state machine, tried along each of its arrows with the same few helpers.
import type {
  IceServer,
  IncomingRelay,
  MemberEvent,
  SignalingError,
  SignalingState,
  Welcome,
} from '@peerdeck/protocol';
import { ViewerConnection } from './connection.ts';
import type { PeerLike, Signaling } from './connection-options.ts';
import { DEADLINES_MS, PROBE_MS, SILENCE_MS, SUSPICIOUS_SILENCE_MS } from './deadlines.ts';
import type { PeerOptions } from './peer.ts';
import type { ViewerState } from './viewer-state.ts';

/** A clock whose timers run when it is moved. */
class Clock {
  now = 100_000;
  #timers: { at: number; run: () => void }[] = [];
  set(run: () => void, ms: number): unknown {
    const timer = { at: this.now + ms, run };
    this.#timers.push(timer);
    return timer;
  }
  clear(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.#timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.clear(due);
      this.now = Math.max(this.now, due.at);
      due.run();
    }
    this.now = end;
  }
}

class FakeSignaling implements Signaling {
  state: SignalingState = { state: 'idle' };
  connection: string | undefined;
  readonly trace = '0af7651916cd43dd8448eb211c80319c';
  readonly calls: string[] = [];
  readonly #listeners = new Map<string, (event: never) => void>();
  on(name: string, listener: (event: never) => void): void {
    this.#listeners.set(name, listener);
  }
  emit(name: 'state', event: SignalingState): void;
  emit(name: 'welcome', event: Welcome): void;
  emit(name: 'message', event: IncomingRelay | MemberEvent): void;
  emit(name: 'iceServers', event: readonly IceServer[]): void;
  emit(name: 'error', event: SignalingError): void;
  emit(name: string, event: unknown): void {
    if (name === 'state') this.state = event as SignalingState;
    this.#listeners.get(name)?.(event as never);
  }
  connect(): void {
    this.calls.push('connect');
    this.emit('state', { state: 'connecting', attempt: 0 });
  }
  wake(): void {
    this.calls.push('wake');
  }
  send(): void {}
  leave(): Promise<void> {
    this.calls.push('leave');
    return Promise.resolve();
  }
}

interface FakePeer extends PeerLike {
  readonly options: PeerOptions;
  readonly calls: string[];
  heardAt: number;
  state: RTCPeerConnectionState;
}

const reconnecting: SignalingState = {
  ...{ state: 'reconnecting', inMs: 500, attempt: 1, reason: '' },
  ...{ code: 1006, cause: 'lost' },
};
const session = {
  type: 'session',
  role: 'control',
  permissions: {
    view: true,
    control: true,
    clipboard: false,
    files: false,
    gamepad: false,
    audio: false,
  },
  host: 'desk',
  source: { kind: 'x11', title: 'Desktop' },
  video: { width: 1280, height: 720, codec: 'h264', fps: 60 },
} as const;

function setup() {
  const clock = new Clock();
  const signaling = new FakeSignaling();
  const peers: FakePeer[] = [];
  const states: ViewerState[] = [];
  const log: string[] = [];
  let sessions = 0;
  const connection = new ViewerConnection({
    signalingUrl: 'wss://signal.example',
    signaling,
    role: 'control',
    key: new Uint8Array(32),
    createPeer: (options) => {
      const calls: string[] = [];
      const peer: FakePeer = {
        options,
        calls,
        session: options.session,
        heardAt: clock.now,
        state: 'new',
        iceReport: { local: ['host'], remote: ['host'], servers: [] },
        start: () => calls.push('start'),
        restartIce: () => calls.push('restart'),
        setIceServers: (servers) => calls.push(`ice ${servers.map(({ urls }) => urls[0]).join()}`),
        receive: (message) => calls.push(message.type),
        say: (message) => calls.push(`say ${message.type}`),
        sendInput: (channel) => calls.push(`input ${channel}`),
        stats: () => Promise.resolve(undefined),
        close: () => calls.push('close'),
      };
      peers.push(peer);
      return peer;
    },
    events: {
      onState: (state) => states.push(state),
      onSignalingNote: (note) => log.push(`signaling ${note}`),
      onTrack: () => log.push('track'),
      onMessage: (message) => log.push(message.type),
      onRoundTrip: () => undefined,
      onLost: () => log.push('lost'),
    },
    timers: clock,
    now: () => clock.now,
    random: () => 0.5,
    newSession: () => `s${(sessions += 1)}`,
  });
  const peer = () => {
    const last = peers.at(-1);
    if (last === undefined) throw new Error('no peer was made');
    return last;
  };
  const state = () => {
    const last = states.at(-1);
    if (last === undefined) throw new Error('no state was published');
    return last;
  };
  const welcome = (hostId?: string, hostState: 'connected' | 'detached' = 'connected') => {
    signaling.state = { state: 'joined' };
    signaling.emit('welcome', {
      type: 'welcome',
      peerId: 'v1',
      role: 'viewer',
      room: 'r'.repeat(32),
      members: hostId === undefined ? [] : [{ peerId: hostId, role: 'host', state: hostState }],
      iceServers: [],
      resume: 'token',
      resumed: false,
      heartbeatMs: 10_000,
      detachMs: 30_000,
      limits: { messageBytes: 1, messagesPer10s: 1, maxMembers: 1 },
    });
    signaling.emit('state', { state: 'joined' });
  };
  const answer = (from = 'h1') => {
    const { session: id } = peer();
    signaling.emit('message', { type: 'answer', session: id, sdp: 'answer', from });
    peer().options.events.onAnswered();
  };
  const goLive = (from = 'h1') => {
    answer(from);
    peer().options.events.onTrusted();
    peer().heardAt = clock.now;
    peer().options.events.onMessage(session);
  };
  /** Time passes and the host keeps talking. */
  const talk = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 250) {
      clock.advance(250);
      peer().heardAt = clock.now;
    }
  };
  const live = () => {
    connection.start();
    welcome('h1');
    goLive();
    expect(state().name).toBe('connected');
  };
  return {
    clock,
    signaling,
    peers,
    states,
    log,
    connection,
    peer,
    state,
    welcome,
    answer,
    goLive,
    talk,
    live,
  };
}

describe('ViewerConnection, the way in', () => {
  it('goes through signaling, answer, path and proof to connected', () => {
    const t = setup();
    t.connection.start();
    expect(t.state()).toEqual({ name: 'connecting', step: 'signaling' });
    t.welcome('h1');
    expect(t.state()).toEqual({ name: 'connecting', step: 'answer' });
    expect(t.peer().calls).toEqual(['start']);
    t.answer();
    expect(t.state()).toEqual({ name: 'connecting', step: 'path' });
    t.peer().options.events.onTrusted();
    expect(t.state()).toEqual({ name: 'connecting', step: 'proof' });
    t.peer().options.events.onMessage(session);
    expect(t.state()).toEqual({ name: 'connected', session });
    expect(t.peers).toHaveLength(1);
  });

  it('waits for the host and offers the moment it comes', () => {
    const t = setup();
    t.connection.start();
    t.welcome();
    expect(t.state()).toEqual({ name: 'waiting' });
    t.clock.advance(600_000);
    expect(t.peers).toHaveLength(0);
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h1', role: 'host' });
    expect(t.state()).toEqual({ name: 'connecting', step: 'answer' });
    expect(t.peer().calls).toEqual(['start']);
  });

  it('offers with the newest ICE servers, and hands later ones to the peer that is there', () => {
    const t = setup();
    t.connection.start();
    t.welcome();
    const first = [{ urls: ['turn:first'], username: '1:a', credential: 'c' }];
    t.signaling.emit('iceServers', first);
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h1', role: 'host' });
    expect(t.peer().options.iceServers).toEqual(first);
    t.goLive();
    const second = [{ urls: ['turn:second'], username: '2:a', credential: 'd' }];
    t.signaling.emit('iceServers', second);
    expect(t.peer().calls).toEqual(['start', 'answer', 'ice turn:second']);
    expect(t.state().name).toBe('connected');
    t.peer().options.events.onControlClosed();
    expect(t.peers).toHaveLength(2);
    expect(t.peer().options.iceServers).toEqual(second);
  });

  it('asks again with a pause when no answer comes', () => {
    const t = setup();
    t.connection.start();
    t.welcome('h1');
    t.clock.advance(DEADLINES_MS.answer);
    expect(t.peer().calls).toEqual(['start', 'close']);
    expect(t.state()).toMatchObject({ name: 'connecting', problem: { kind: 'no-answer' } });
    expect(t.state()).toHaveProperty('retryAt');
    t.clock.advance(1000);
    expect(t.peers).toHaveLength(2);
  });

  it('explains a path that can not be found after the second try', () => {
    const t = setup();
    t.connection.start();
    t.welcome('h1');
    t.answer();
    t.peer().options.events.onState('failed');
    expect(t.state()).toMatchObject({ name: 'connecting', problem: { kind: 'no-path' } });
    t.clock.advance(1000);
    t.answer();
    t.clock.advance(DEADLINES_MS.path);
    expect(t.state()).toMatchObject({
      name: 'error',
      problem: { kind: 'no-path', ice: { local: ['host'] } },
    });
    expect(t.signaling.calls).toContain('leave');
  });

  it('stops where the answer is not right', () => {
    const t = setup();
    t.connection.start();
    t.welcome('h1');
    t.peer().options.events.onUntrusted('wrong-mac');
    expect(t.state()).toEqual({ name: 'error', problem: { kind: 'wrong-code' } });
    expect(t.peer().calls).toContain('close');
    t.clock.advance(600_000);
    expect(t.peers).toHaveLength(1);
  });

  it.each([
    ['not-authenticated', 'wrong-code'],
    ['host-full', 'host-full'],
    ['no-common-codec', 'no-codec'],
    ['declined', 'declined'],
  ])('stops when the host rejects with %s', (code, kind) => {
    const t = setup();
    t.connection.start();
    t.welcome('h1');
    const reject = { type: 'reject', code, message: 'no', from: 'h1' } as const;
    t.signaling.emit('message', { ...reject, session: 'another' });
    expect(t.state().name).toBe('connecting');
    t.signaling.emit('message', { ...reject, session: t.peer().session });
    expect(t.state()).toMatchObject({ name: 'error', problem: { kind } });
  });

  it.each([
    ['room-full', 4009, 'room-full'],
    ['replaced', 4010, 'replaced'],
    ['kicked', 4016, 'kicked'],
    ['forbidden', 4003, 'unauthorized'],
  ])('stops when signaling ends with %s', (code, close, kind) => {
    const t = setup();
    t.connection.start();
    t.signaling.emit('error', { code, message: code, fatal: true, local: false });
    t.signaling.emit('state', { state: 'closed', code: close, reason: code, final: true });
    expect(t.state()).toMatchObject({ name: 'error', problem: { kind } });
  });

  it('goes back to waiting when the host is gone after all', () => {
    const t = setup();
    t.connection.start();
    t.welcome('h1');
    t.signaling.emit('error', { code: 'no-host', message: '', fatal: false, local: false });
    expect(t.state()).toEqual({ name: 'waiting' });
    expect(t.peer().calls).toContain('close');
  });
});

describe('ViewerConnection, losses', () => {
  it('does not touch the picture when only signaling is lost', () => {
    const t = setup();
    t.live();
    t.signaling.emit('state', reconnecting);
    t.talk(20_000);
    expect(t.state().name).toBe('connected');
    expect(t.log).toContain('signaling lost');
    t.signaling.emit('state', { state: 'connecting', attempt: 1 });
    t.welcome();
    t.talk(5000);
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h2', role: 'host' });
    t.talk(60_000);
    expect(t.state().name).toBe('connected');
    expect(t.peers).toHaveLength(1);
    // The servers of the new welcome are for later.
    expect(t.peer().calls).toEqual(['start', 'answer', 'ice ']);
    t.signaling.emit('state', { state: 'closed', code: 4010, reason: '', final: true });
    expect(t.state().name).toBe('connected');
  });

  it('repairs the path first, and goes on when that works', () => {
    const t = setup();
    t.live();
    t.talk(2000);
    t.clock.advance(SILENCE_MS + 1000);
    expect(t.state()).toEqual({ name: 'reconnecting', step: 'restart-ice' });
    expect(t.log).toContain('lost');
    expect(t.peer().calls).toContain('restart');
    t.talk(1000);
    expect(t.state().name).toBe('connected');
    expect(t.peers).toHaveLength(1);
  });

  it('makes a new session when the repair does not work', () => {
    const t = setup();
    t.live();
    t.clock.advance(SILENCE_MS + 1000);
    t.clock.advance(DEADLINES_MS.restart);
    expect(t.peers).toHaveLength(2);
    expect(t.peers[0]?.calls).toContain('close');
    expect(t.state()).toEqual({ name: 'reconnecting', step: 'offer' });
    t.goLive();
    expect(t.state().name).toBe('connected');
  });

  it('makes a new session at once when the host does not know the old one', () => {
    const t = setup();
    t.live();
    t.clock.advance(SILENCE_MS + 1000);
    t.signaling.emit('message', {
      type: 'reject',
      session: t.peer().session,
      code: 'not-authenticated',
      message: '',
      from: 'h1',
    });
    expect(t.peers).toHaveLength(2);
    expect(t.state()).toEqual({ name: 'reconnecting', step: 'offer' });
  });

  it('pauses longer from failure to failure, and counts down', () => {
    const t = setup();
    t.live();
    t.peer().options.events.onControlClosed();
    const pauses: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      t.clock.advance(DEADLINES_MS.answer);
      const state = t.state();
      if (state.name !== 'reconnecting') throw new Error(state.name);
      expect(state.step).toBe('pause');
      const pause = (state.retryAt ?? 0) - t.clock.now;
      pauses.push(pause);
      t.clock.advance(pause);
    }
    expect(pauses).toEqual([125, 250, 500, 1000, 2000]);
  });

  it('waits for a killed host, then looks for it less often, and re-offers when it is back', () => {
    const t = setup();
    t.live();
    t.signaling.emit('message', {
      type: 'member-detached',
      peerId: 'h1',
      role: 'host',
      graceMs: 30_000,
    });
    expect(t.state().name).toBe('connected');
    t.clock.advance(SUSPICIOUS_SILENCE_MS + 600);
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'host-lost' });
    expect(t.state()).toHaveProperty('graceEndsAt');
    t.signaling.emit('message', {
      type: 'member-left',
      peerId: 'h1',
      role: 'host',
      reason: 'lost',
    });
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'host-gone' });
    expect(t.peers).toHaveLength(1);
    t.clock.advance(PROBE_MS);
    expect(t.peers).toHaveLength(2);
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'host-gone' });
    t.signaling.emit('error', { code: 'no-host', message: '', fatal: false, local: false });
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'host-gone' });
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h2', role: 'host' });
    expect(t.peers).toHaveLength(3);
    expect(t.state()).toEqual({ name: 'reconnecting', step: 'offer' });
    t.goLive('h2');
    expect(t.state().name).toBe('connected');
  });

  it('gives a detached host up after its grace, even if nobody says so', () => {
    const t = setup();
    t.live();
    const detached = { type: 'member-detached', peerId: 'h1', role: 'host' } as const;
    t.signaling.emit('message', { ...detached, graceMs: 10_000 });
    t.clock.advance(9000);
    expect(t.state()).toMatchObject({ step: 'host-lost' });
    t.clock.advance(3000);
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'host-gone' });
  });

  it('re-offers at once to a host that comes back before its loss was noticed', () => {
    const t = setup();
    t.live();
    t.signaling.emit('message', {
      type: 'member-left',
      peerId: 'h1',
      role: 'host',
      reason: 'replaced',
    });
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h2', role: 'host' });
    t.clock.advance(SUSPICIOUS_SILENCE_MS + 600);
    expect(t.state()).toEqual({ name: 'reconnecting', step: 'offer' });
    expect(t.peers[0]?.calls).not.toContain('restart');
    expect(t.peers).toHaveLength(2);
  });

  it('tries at once when the user asks', () => {
    const t = setup();
    t.live();
    t.peer().options.events.onControlClosed();
    t.clock.advance(DEADLINES_MS.answer);
    const before = t.peers.length;
    t.connection.retryNow();
    expect(t.peers).toHaveLength(before + 1);
  });

  it('repairs when signaling is back, if both were lost', () => {
    const t = setup();
    t.live();
    t.signaling.emit('state', reconnecting);
    t.clock.advance(SILENCE_MS + 1000);
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'signaling' });
    expect(t.peer().calls).not.toContain('restart');
    t.welcome('h1');
    expect(t.peer().calls).toContain('restart');
  });
});

describe('ViewerConnection, the end', () => {
  it('ends without a retry when the host says so', () => {
    const t = setup();
    t.live();
    t.peer().options.events.onMessage({ type: 'ended', reason: 'source-ended' });
    expect(t.state()).toEqual({ name: 'ended', reason: 'source-ended' });
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h2', role: 'host' });
    t.clock.advance(600_000);
    expect(t.peers).toHaveLength(1);
    expect(t.state().name).toBe('ended');
  });

  it('goes on when signaling says that the host left, while the host itself is heard', () => {
    const t = setup();
    t.live();
    for (const [peerId, role] of [
      ['v2', 'viewer'],
      ['h1', 'host'],
    ] as const) {
      t.signaling.emit('message', { type: 'member-left', peerId, role, reason: 'left' });
    }
    t.talk(20_000);
    expect(t.state().name).toBe('connected');
    expect(t.signaling.calls).not.toContain('leave');
  });

  it('looks for a host that left and is silent, and ends only when the user does', () => {
    const t = setup();
    t.live();
    t.signaling.emit('message', {
      type: 'member-left',
      peerId: 'h1',
      role: 'host',
      reason: 'left',
    });
    t.clock.advance(SILENCE_MS + 1000);
    expect(t.state()).toMatchObject({ name: 'reconnecting', step: 'host-gone' });
    t.signaling.emit('message', { type: 'member-joined', peerId: 'h2', role: 'host' });
    expect(t.peers).toHaveLength(2);
  });

  it('takes no refusal as the end once it had a picture: a stranger may be in the host’s place', () => {
    const t = setup();
    t.live();
    t.peer().options.events.onControlClosed();
    expect(t.peers).toHaveLength(2);
    t.peer().options.events.onUntrusted('wrong-host');
    expect(t.state()).toMatchObject({ name: 'reconnecting', problem: { kind: 'wrong-host' } });
    t.clock.advance(60_000);
    expect(t.peers.length).toBeGreaterThan(2);
  });

  it('tries signaling again that refused it while the picture is live', () => {
    const t = setup();
    t.live();
    t.signaling.emit('state', { state: 'closed', code: 4013, reason: '', final: true });
    t.signaling.calls.length = 0;
    t.talk(PROBE_MS + 1000);
    expect(t.signaling.calls).toContain('connect');
    expect(t.state().name).toBe('connected');
  });

  it('does not call a path lost because this machine slept', () => {
    const t = setup();
    t.live();
    t.clock.now += 30_000;
    t.clock.advance(0);
    expect(t.state().name).toBe('connected');
    t.talk(2000);
    expect(t.state().name).toBe('connected');
    expect(t.peers).toHaveLength(1);
    t.clock.now += 30_000;
    t.clock.advance(1000);
    expect(t.state().name).toBe('reconnecting');
  });

  it('says goodbye once', () => {
    const t = setup();
    t.live();
    t.connection.close();
    t.connection.close();
    expect(t.peer().calls.filter((call) => call === 'say bye')).toHaveLength(1);
    expect(t.peer().calls.filter((call) => call === 'close')).toHaveLength(1);
    expect(t.signaling.calls.filter((call) => call === 'leave')).toHaveLength(1);
    expect(t.state()).toEqual({ name: 'ended', reason: 'left' });
  });

  it('sends input only while the picture is live', () => {
    const t = setup();
    t.connection.start();
    t.welcome('h1');
    const bytes = new Uint8Array(2);
    t.connection.sendInput('input', bytes);
    expect(t.peer().calls).not.toContain('input input');
    t.goLive();
    t.connection.sendInput('input', bytes);
    expect(t.peer().calls).toContain('input input');
  });
});
