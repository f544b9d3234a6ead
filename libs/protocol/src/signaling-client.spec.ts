// Over 400 lines: one state machine, tried along each of its arrows with the same few helpers.
import { WebSocket } from 'ws';
import { toBase64Url } from './bytes.ts';
import { CLOSE_CODES } from './close-codes.ts';
import { generateHostKey, verifyHostSlot } from './host-key.ts';
import type {
  SignalingClientOptions,
  SignalingError,
  SignalingState,
} from './signaling-client-options.ts';
import { SignalingClient } from './signaling-client.ts';
import type { IncomingRelay, MemberEvent, OutgoingRelay } from './signaling-messages.ts';
import { ManualTimers } from './testing/manual-timers.ts';
import {
  CHALLENGE,
  ROOM,
  ScriptedServer,
  welcome,
  type ServerEnd,
} from './testing/scripted-server.ts';
import type { SocketConstructor } from './web-socket.ts';

const offer: OutgoingRelay = { type: 'offer', session: 's1', sdp: 'v=0' };
const candidate = (text: string): OutgoingRelay => ({
  type: 'candidate',
  session: 's1',
  candidate: text,
});

let server: ScriptedServer;
let timers: ManualTimers;
let clients: SignalingClient[];

beforeEach(async () => {
  server = await ScriptedServer.open();
  timers = new ManualTimers();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await server.close();
  expect(timers.pending).toEqual([]);
});

function create(options: Partial<SignalingClientOptions> = {}) {
  const client = new SignalingClient({
    url: server.url,
    room: ROOM,
    role: 'viewer',
    WebSocket,
    timers,
    now: timers.now,
    random: () => 0.5,
    ...options,
  });
  clients.push(client);
  const states: SignalingState[] = [];
  const messages: (IncomingRelay | MemberEvent)[] = [];
  const errors: SignalingError[] = [];
  client.on('state', (state) => states.push(state));
  client.on('message', (message) => messages.push(message));
  client.on('error', (error) => errors.push(error));
  return { client, states, messages, errors };
}

/** Resolves once the client is in that state. */
function reached<S extends SignalingState['state']>(
  client: SignalingClient,
  state: S,
): Promise<Extract<SignalingState, { state: S }>> {
  return new Promise((resolve) => {
    const check = (now: SignalingState) => {
      if (now.state !== state) return;
      off();
      resolve(now as Extract<SignalingState, { state: S }>);
    };
    const off = client.on('state', check);
    check(client.state);
  });
}

/** Resolves once `count` messages have arrived. */
function received(client: SignalingClient, count: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    client.on('message', () => {
      seen += 1;
      if (seen === count) resolve();
    });
  });
}

async function join(client: SignalingClient): Promise<ServerEnd> {
  client.connect();
  const end = await server.accept();
  expect(await end.next()).toMatchObject({ type: 'join' });
  end.send(welcome);
  await reached(client, 'joined');
  return end;
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('joining', () => {
  it('all connections of a client are one trace, and each has the name that the server gave', async () => {
    const { client } = create();
    expect(client.trace).toMatch(/^[0-9a-f]{32}$/);
    expect(create().client.trace).not.toBe(client.trace);
    client.connect();
    const end = await server.accept();
    expect(await end.next()).toMatchObject({ trace: client.trace });
    expect(client.connection).toBeUndefined();
    end.send({ type: 'hello', challenge: CHALLENGE, server: 'x', connection: 'c-1', trace: TRACE });
    end.send(welcome);
    await reached(client, 'joined');
    expect(client.connection).toBe('c-1');
    end.socket.terminate();
    await reached(client, 'reconnecting');
    timers.advance(125);
    expect(await (await server.accept()).next()).toMatchObject({ trace: client.trace });
  });

  it('a viewer joins without waiting for hello', async () => {
    const { client, states } = create({
      name: 'tab',
      token: 'jwt',
      resume: 'from-last-page',
      trace: TRACE,
    });
    client.connect();
    client.connect();
    const end = await server.accept();
    expect(end.socket.protocol).toBe('peerdeck.v2');
    expect(await end.next()).toEqual({
      type: 'join',
      room: ROOM,
      role: 'viewer',
      trace: TRACE,
      name: 'tab',
      token: 'jwt',
      resume: 'from-last-page',
    });
    end.send({ type: 'hello', challenge: CHALLENGE, server: 'x' });
    end.send(welcome);
    await reached(client, 'joined');
    expect(states).toEqual([{ state: 'connecting', attempt: 0 }, { state: 'joined' }]);
    expect(client.welcome).toEqual(welcome);
    expect(client.resumeToken).toBe('resume-1');
    expect(server.waiting).toBe(0);
    expect(end.unread).toBe(0);
  });

  it('a host with a key waits for hello and signs its slot', async () => {
    const hostKey = generateHostKey();
    const { client } = create({ role: 'host', hostKey, maxViewers: 3 });
    client.connect();
    const end = await server.accept();
    end.send({ type: 'hello', challenge: CHALLENGE, server: 'x' });
    const message = await end.next();
    expect(message).toMatchObject({
      type: 'join',
      role: 'host',
      maxViewers: 3,
      hostKey: toBase64Url(hostKey.publicKey),
    });
    expect(
      verifyHostSlot({
        challenge: CHALLENGE,
        room: ROOM,
        hostKey: String(message['hostKey']),
        hostSignature: String(message['hostSignature']),
      }),
    ).toBe(true);
  });

  it('gives up on a server that is silent, and tries again', async () => {
    const { client } = create({ joinTimeoutMs: 5000 });
    client.connect();
    const end = await server.accept();
    timers.advance(5000);
    expect(client.state).toMatchObject({ state: 'reconnecting', attempt: 1 });
    await end.closed;
    timers.advance(125);
    await server.accept();
  });

  it('ends when the address is none', () => {
    const { client } = create({ url: 'not an address' });
    client.connect();
    expect(client.state).toMatchObject({ state: 'closed', final: true });
  });

  it('ends when the server speaks something else', async () => {
    const other = await ScriptedServer.open('other');
    // The WebSocket of ws refuses the answer itself; a browser may leave it to us.
    class Lenient extends WebSocket {
      constructor(url: string) {
        super(url, 'other');
      }
    }
    const { client } = create({ url: other.url, WebSocket: Lenient });
    client.connect();
    expect(await reached(client, 'closed')).toMatchObject({ code: 1008, final: true });
    await other.close();
  });
});

describe('messages', () => {
  it('come in order, and members are followed', async () => {
    const { client, messages } = create();
    const end = await join(client);
    const all = received(client, 4);
    end.send({ type: 'member-joined', peerId: 'v2', role: 'viewer' });
    end.send({ type: 'answer', from: 'h', session: 's1', sdp: 'v=0' });
    end.send({ type: 'member-detached', peerId: 'h', role: 'host', graceMs: 10 });
    end.send({ type: 'member-left', peerId: 'v2', role: 'viewer', reason: 'left' });
    await all;
    expect(messages.map((message) => message.type)).toEqual([
      'member-joined',
      'answer',
      'member-detached',
      'member-left',
    ]);
    expect(client.members).toEqual([{ peerId: 'h', role: 'host', state: 'detached' }]);
  });

  it('that wait are sent after the welcome, before what a listener sends', async () => {
    const { client } = create();
    expect(client.send(offer)).toBe('queued');
    expect(client.send(candidate('a'))).toBe('queued');
    expect(client.send({ ...candidate('to nobody'), to: 'gone' })).toBe('queued');
    client.on('welcome', () => {
      expect(client.send(candidate('b'))).toBe('sent');
    });
    const end = await join(client);
    expect([await end.next(), await end.next(), await end.next()]).toEqual([
      offer,
      candidate('a'),
      candidate('b'),
    ]);
    expect(client.droppedMessages).toBe(1);
  });

  it('about ICE servers take the place of the welcome’s, until the next welcome', async () => {
    const { client, messages } = create();
    expect(client.iceServers).toEqual([]);
    client.connect();
    const end = await server.accept();
    await end.next();
    const stun = [{ urls: ['stun:stun.example'] }];
    end.send({ ...welcome, iceServers: stun });
    await reached(client, 'joined');
    expect(client.iceServers).toEqual(stun);
    const turn = [{ urls: ['turn:turn.example'], username: '1:a', credential: 'c' }];
    const told: unknown[] = [];
    client.on('iceServers', (servers) => told.push(servers));
    end.send({ type: 'ice-servers', iceServers: turn, ttlS: 600 });
    end.send({ type: 'member-joined', peerId: 'h2', role: 'host' });
    await received(client, 1);
    expect(client.iceServers).toEqual(turn);
    expect(told).toEqual([turn]);
    expect(messages).toEqual([{ type: 'member-joined', peerId: 'h2', role: 'host' }]);
    end.socket.terminate();
    await reached(client, 'reconnecting');
    expect(client.iceServers).toEqual(turn);
    client.wake();
    const again = await server.accept();
    again.send({ ...welcome, iceServers: [] });
    await reached(client, 'joined');
    expect(client.iceServers).toEqual([]);
  });

  it("answer the server's ping", async () => {
    const { client } = create();
    const end = await join(client);
    end.send({ type: 'ping', id: 77 });
    expect(await end.next()).toEqual({ type: 'pong', id: 77 });
  });

  it('that are broken are told, those of a newer server are not', async () => {
    const { client, errors } = create();
    const end = await join(client);
    const done = received(client, 1);
    end.socket.send('{"type":"of-tomorrow"}');
    end.socket.send('{"type":"drain"}');
    end.send({ type: 'error', code: 'no-host', message: 'no host', fatal: false });
    end.send({ type: 'control', from: 'h', action: 'done' });
    await done;
    expect(errors).toMatchObject([
      { code: 'invalid-message', field: 'retryAfterMs', local: true },
      { code: 'no-host', fatal: false, local: false },
    ]);
    expect(client.state.state).toBe('joined');
  });

  it('over the limits are dropped, and told', async () => {
    const { client, errors } = create({ maxBufferedBytes: -1 });
    await join(client);
    expect(client.send({ ...offer, sdp: 'x'.repeat(100_000) } as OutgoingRelay)).toBe('dropped');
    // The limit is one of bytes: these are 60 000 characters.
    expect(client.send({ ...offer, sdp: 'ü'.repeat(60_000) } as OutgoingRelay)).toBe('dropped');
    expect(client.send(offer)).toBe('dropped');
    const codes = errors.map(({ code }) => code);
    expect(codes).toEqual(['too-large', 'too-large', 'slow-consumer']);
  });

  it('reach the other listeners when one throws', async () => {
    const { client, messages } = create();
    const uncaught = new Promise((resolve) => {
      // The error is rethrown where nobody of ours can catch it: here that is queueMicrotask.
      const original = globalThis.queueMicrotask;
      globalThis.queueMicrotask = (callback) => {
        globalThis.queueMicrotask = original;
        try {
          callback();
        } catch (error) {
          resolve(error);
        }
      };
    });
    const off = client.on('welcome', () => {
      throw new Error('of a listener');
    });
    const end = await join(client);
    expect(await uncaught).toEqual(new Error('of a listener'));
    off();
    const done = received(client, 1);
    end.send({ type: 'control', from: 'h', action: 'x' });
    await done;
    expect(messages).toHaveLength(1);
  });
});

describe('a loss', () => {
  it('is followed by a resume', async () => {
    const { client, states } = create();
    const end = await join(client);
    end.socket.terminate();
    expect(await reached(client, 'reconnecting')).toEqual({
      state: 'reconnecting',
      inMs: 125,
      attempt: 1,
      reason: 'the connection was lost',
      code: 1006,
      cause: 'lost',
    });
    expect(client.send(offer)).toBe('queued');
    timers.advance(125);
    const again = await server.accept();
    expect(await again.next()).toMatchObject({ type: 'join', resume: 'resume-1' });
    again.send({ ...welcome, resumed: true, resume: 'resume-2' });
    await reached(client, 'joined');
    expect(await again.next()).toEqual(offer);
    expect(client.resumeToken).toBe('resume-2');
    expect(states.at(-2)).toEqual({ state: 'connecting', attempt: 1 });
    // The next loss starts over with a short delay.
    again.socket.terminate();
    expect(await reached(client, 'reconnecting')).toMatchObject({ inMs: 125, attempt: 1 });
  });

  it('waits longer each time, and wake() ends the wait', async () => {
    const { client } = create();
    const end = await join(client);
    await server.close();
    await end.closed;
    for (const inMs of [125, 250, 500]) {
      expect(await reached(client, 'reconnecting')).toMatchObject({ inMs });
      timers.advance(inMs);
    }
    expect(await reached(client, 'reconnecting')).toMatchObject({ inMs: 1000, attempt: 4 });
    client.wake();
    expect(client.state).toEqual({ state: 'connecting', attempt: 4 });
    await reached(client, 'reconnecting');
    server = await ScriptedServer.open();
  });

  it('that nobody reports is found by the heartbeat', async () => {
    const { client } = create();
    const end = await join(client);
    for (let id = 1; id <= 2; id += 1) {
      timers.advance(1000);
      expect(await end.next()).toEqual({ type: 'ping', id });
    }
    expect(client.state.state).toBe('joined');
    timers.advance(1000);
    expect(client.state).toMatchObject({
      state: 'reconnecting',
      reason: 'the server does not answer',
    });
    expect((await end.closed).code).not.toBe(1000);
  });

  it('is not assumed while anything arrives', async () => {
    const { client } = create();
    const end = await join(client);
    for (let round = 0; round < 10; round += 1) {
      timers.advance(1000);
      await end.next();
      const seen = received(client, 1);
      end.send({ type: 'control', from: 'h', action: 'alive' });
      await seen;
    }
    expect(client.state.state).toBe('joined');
  });

  it('is found at once by wake()', async () => {
    const { client } = create();
    const end = await join(client);
    client.wake();
    expect(await end.next()).toMatchObject({ type: 'ping' });
    timers.advance(1000);
    expect(client.state.state).toBe('reconnecting');
  });

  it.each(Object.keys(CLOSE_CODES).map(Number))('by %i is never final for a host', async (code) => {
    const { client } = create({ role: 'host' });
    const end = await join(client);
    // What a server may not write into a close frame arrives as if it were lost.
    const sendable = ![1005, 1006, 1015].includes(code);
    if (sendable) end.socket.close(code, 'why');
    else end.socket.terminate();
    const { inMs } = await reached(client, 'reconnecting');
    timers.advance(inMs);
    await server.accept();
    client.close();
  });

  it('by a fatal error that can not be retried is not final for a host either', async () => {
    const { client } = create({ role: 'host' });
    const end = await join(client);
    const message = 'too many messages that break the rules';
    end.send({ type: 'error', code: 'protocol-error', message, fatal: true });
    end.socket.close(4013);
    expect(await reached(client, 'reconnecting')).toMatchObject({
      cause: 'taken',
      reason: message,
    });
  });

  it.each([1008, 4001, 4003, 4009, 4010, 4011, 4013])('by %i is final', async (code) => {
    const { client } = create();
    const end = await join(client);
    end.socket.close(code, 'why');
    expect(await reached(client, 'closed')).toEqual({
      state: 'closed',
      code,
      reason: 'why',
      final: true,
    });
    expect(timers.pending).toEqual([]);
    expect(client.send(offer)).toBe('dropped');
  });

  it('after a fatal error that can not be retried is final, whatever the code', async () => {
    const { client, errors } = create();
    const end = await join(client);
    end.send({ type: 'error', code: 'room-full', message: 'no place left', fatal: true });
    end.socket.close(1011);
    expect(await reached(client, 'closed')).toMatchObject({ reason: 'no place left', final: true });
    expect(errors).toMatchObject([{ code: 'room-full', fatal: true }]);
  });

  it('by the end of a token that can be renewed is not final, and brings the new one', async () => {
    let token = 'old';
    const { client } = create({ token: () => token });
    const end = await join(client);
    end.send({ type: 'error', code: 'unauthorized', message: 'expired', fatal: true });
    end.socket.close(4001);
    const { inMs } = await reached(client, 'reconnecting');
    token = 'new';
    timers.advance(inMs);
    const again = await server.accept();
    expect(await again.next()).toMatchObject({ type: 'join', token: 'new', resume: 'resume-1' });
    again.socket.close(4001);
    await reached(client, 'reconnecting');
  });

  it('is final for a token that never let in, renewable or not', async () => {
    const { client } = create({ token: () => 'wrong' });
    client.connect();
    const end = await server.accept();
    expect(await end.next()).toMatchObject({ type: 'join', token: 'wrong' });
    end.socket.close(4001, 'why');
    expect(await reached(client, 'closed')).toMatchObject({ code: 4001, final: true });
  });

  it('waits as long as a fatal error asks', async () => {
    const { client } = create();
    const end = await join(client);
    end.send({
      type: 'error',
      code: 'unavailable',
      message: 'later',
      retryAfterMs: 7000,
      fatal: true,
    });
    end.socket.close(1013);
    expect(await reached(client, 'reconnecting')).toMatchObject({ inMs: 7125, reason: 'later' });
  });

  it('ends the client when the policy has enough; connect() starts again', async () => {
    const { client } = create({ policy: { next: () => 'stop' } });
    const end = await join(client);
    end.socket.terminate();
    expect(await reached(client, 'closed')).toMatchObject({ code: 1006, final: false });
    const again = await join(client);
    expect(again.unread).toBe(0);
  });
});

describe('a drain', () => {
  it('keeps the connection until the time, then moves with resume', async () => {
    const { client, states, messages } = create();
    const end = await join(client);
    const done = received(client, 1);
    end.send({ type: 'drain', retryAfterMs: 500 });
    end.send({ type: 'control', from: 'h', action: 'still here' });
    await done;
    expect(messages).toHaveLength(1);
    expect(client.state.state).toBe('joined');
    expect(client.send(candidate('a'))).toBe('sent');
    timers.advance(625);
    const next = await server.accept();
    expect(await next.next()).toMatchObject({ type: 'join', resume: 'resume-1' });
    next.send({ ...welcome, resumed: true });
    await reached(client, 'joined');
    expect(states.map(({ state }) => state)).toEqual([
      'connecting',
      'joined',
      'connecting',
      'joined',
    ]);
    // No leave was said on the old connection.
    await end.closed;
    expect(await end.next()).toEqual(candidate('a'));
    expect(end.unread).toBe(0);
  });

  it('holds its time when the server closes before', async () => {
    const { client } = create();
    const end = await join(client);
    const done = received(client, 1);
    end.send({ type: 'drain', retryAfterMs: 5000 });
    end.send({ type: 'control', from: 'h', action: 'x' });
    await done;
    timers.advance(900);
    end.socket.close(1012, 'drain');
    // 5000 and 125 of jitter from the drain, less 900, and the jitter of this reconnect.
    expect(await reached(client, 'reconnecting')).toMatchObject({ inMs: 4350 });
  });
});

describe('the end', () => {
  it('leave() says so, then closes, once', async () => {
    const { client, states } = create();
    const end = await join(client);
    const first = client.leave('done');
    await client.leave('again');
    client.close();
    expect(await end.next()).toEqual({ type: 'leave', reason: 'done' });
    expect(await end.closed).toMatchObject({ code: 1000 });
    await first;
    expect(end.unread).toBe(0);
    expect(states.at(-1)).toEqual({ state: 'closed', code: 1000, reason: 'done', final: true });
    expect(client.send(offer)).toBe('dropped');
    client.connect();
    expect(client.state.state).toBe('closed');
  });

  it('leave() waits a second at most for a server that does not answer', async () => {
    const { client } = create();
    const end = await join(client);
    end.socket.pause();
    const left = client.leave();
    timers.advance(1000);
    await left;
    end.socket.resume();
  });

  it('close() says nothing, so that the place is kept', async () => {
    const { client } = create();
    const end = await join(client);
    client.close();
    client.close();
    expect((await end.closed).code).toBe(1006);
    expect(end.unread).toBe(0);
  });

  it.each(['idle', 'connecting', 'reconnecting'])('may come while %s', async (when) => {
    const { client } = create();
    if (when !== 'idle') client.connect();
    if (when === 'reconnecting') {
      (await server.accept()).socket.terminate();
      await reached(client, 'reconnecting');
    }
    await client.leave();
    expect(client.state).toMatchObject({ state: 'closed', final: true });
    expect(timers.pending).toEqual([]);
  });
});

describe("the platform's own WebSocket", () => {
  it('fits too, and drops with 4000', async () => {
    // Node's follows the same standard as the browsers' and has no terminate().
    const Standard: SocketConstructor = globalThis.WebSocket;
    const { client } = create({ WebSocket: Standard });
    const end = await join(client);
    expect(client.send(offer)).toBe('sent');
    expect(await end.next()).toEqual(offer);
    client.close();
    expect(await end.closed).toMatchObject({ code: 4000 });

    const second = create({ WebSocket: Standard });
    const other = await join(second.client);
    const left = second.client.leave();
    expect(await other.next()).toEqual({ type: 'leave' });
    expect(await other.closed).toMatchObject({ code: 1000 });
    await left;
  });
});
