// Over 400 lines: tables of good and bad messages, one for each type.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { LIMITS } from './limits.ts';
import {
  parseClientMessage,
  parseHostControlMessage,
  parseOriginalClientMessage,
  parseOriginalServerMessage,
  parseServerMessage,
  parseViewerControlMessage,
} from './message-parser.ts';
import {
  clientMessageSchema,
  serverMessageSchema,
  type ClientMessage,
  type ServerMessage,
} from './signaling-messages.ts';

const ROOM = '0123456789abcdefghjkmnpqrstvwxyz';
const NONCE = 'A'.repeat(22);
const MAC = 'A'.repeat(43);
const SIGNATURE = 'A'.repeat(86);
const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n';
const offerAuth = { role: 'control', nonce: NONCE, counter: 0, mac: MAC } as const;

const clientMessages: ClientMessage[] = [
  { type: 'join', room: ROOM, role: 'viewer' },
  {
    type: 'join',
    room: ROOM,
    role: 'host',
    name: 'desk',
    token: 'a.b.c',
    resume: 'r',
    maxViewers: 4,
    hostKey: MAC,
    hostSignature: SIGNATURE,
  },
  { type: 'offer', session: 's1', sdp: SDP, auth: offerAuth },
  { type: 'offer', session: 's1', sdp: SDP },
  {
    type: 'answer',
    to: 'p1',
    session: 's1',
    sdp: SDP,
    auth: { ...offerAuth, hostKey: MAC, signature: SIGNATURE },
  },
  { type: 'candidate', session: 's1', candidate: '', sdpMid: null, sdpMLineIndex: null },
  { type: 'candidate', session: 's1', candidate: 'candidate:1 1 udp', usernameFragment: 'ab' },
  { type: 'reject', to: 'p1', session: 's1', code: 'host-full', message: 'four viewers watch' },
  { type: 'control', action: 'hint', payload: { a: [1, { b: null }] } },
  {
    type: 'video-metrics',
    queueDepth: 1,
    overwriteDrops: 2,
    backpressureSkips: 0,
    outOfOrder: 0,
    vpGpuMs: null,
  },
  { type: 'leave' },
  { type: 'leave', reason: 'closing' },
  { type: 'ping', id: 1 },
  { type: 'pong', id: 1 },
];

const serverMessages: ServerMessage[] = [
  { type: 'hello', challenge: NONCE, server: '0.1.0' },
  {
    type: 'welcome',
    peerId: 'p1',
    role: 'viewer',
    room: ROOM,
    members: [{ peerId: 'h', role: 'host', state: 'detached' }],
    iceServers: [{ urls: ['stun:stun.example:3478'] }],
    resume: 'token',
    resumed: false,
    heartbeatMs: 15_000,
    detachMs: 10_000,
    limits: { messageBytes: 1, messagesPer10s: 1, maxMembers: 2 },
  },
  { type: 'ice-servers', iceServers: [] },
  {
    type: 'ice-servers',
    iceServers: [
      { urls: ['stun:stun.example'] },
      { urls: ['turn:turn.example', 'turns:turn.example'], username: '1:a', credential: 'c' },
    ],
    ttlS: 600,
  },
  { type: 'member-joined', peerId: 'p2', role: 'viewer' },
  { type: 'member-detached', peerId: 'p2', role: 'viewer', graceMs: 10_000 },
  { type: 'member-resumed', peerId: 'p2', role: 'viewer' },
  { type: 'member-left', peerId: 'p2', role: 'viewer', reason: 'lost' },
  { type: 'offer', from: 'p2', session: 's', sdp: SDP },
  { type: 'error', code: 'no-host', message: 'no host', fatal: false },
  { type: 'error', code: 'of-tomorrow', message: '?', field: 'x', retryAfterMs: 5, fatal: true },
  { type: 'drain', retryAfterMs: 500 },
  { type: 'ping', id: 0 },
  { type: 'pong', id: 0 },
];

describe('parseClientMessage', () => {
  it.each(clientMessages.map((message) => [message.type, message] as const))(
    'reads %s unchanged',
    (_type, message) => {
      expect(parseClientMessage(JSON.stringify(message))).toEqual({ ok: true, message });
    },
  );

  it.each([
    ['not text', undefined, 'malformed', ''],
    ['not JSON', '{', 'malformed', ''],
    ['an array', '[]', 'malformed', ''],
    ['null', 'null', 'malformed', ''],
    ['no type', '{}', 'invalid-message', 'type'],
    ['a type that is no text', '{"type":1}', 'invalid-message', 'type'],
    ['an unknown type', '{"type":"nope"}', 'unknown-type', 'type'],
    ['a name of Object.prototype as type', '{"type":"toString"}', 'unknown-type', 'type'],
    ["the server's message", '{"type":"drain","retryAfterMs":1}', 'unknown-type', 'type'],
    ['no room', '{"type":"join","role":"host"}', 'invalid-message', 'room'],
    [
      'a room code where the room id belongs',
      '{"type":"join","role":"host","room":"ABCD-EFGH-JKMN-PQRS"}',
      'invalid-message',
      'room',
    ],
    ['a wrong role', `{"type":"join","room":"${ROOM}","role":"admin"}`, 'invalid-message', 'role'],
    [
      'a field of a member',
      JSON.stringify({ type: 'offer', session: 's', sdp: '', auth: { ...offerAuth, mac: 'x' } }),
      'invalid-message',
      'auth.mac',
    ],
    [
      'a large SDP',
      JSON.stringify({ type: 'offer', session: 's', sdp: 'x'.repeat(LIMITS.sdpBytes + 1) }),
      'too-large',
      'sdp',
    ],
    [
      'an SDP that is large in bytes and not in characters',
      JSON.stringify({ type: 'offer', session: 's', sdp: 'ü'.repeat(LIMITS.sdpBytes / 2 + 1) }),
      'too-large',
      'sdp',
    ],
    [
      'a frame that is large in bytes and not in characters',
      JSON.stringify({ type: 'ping', id: 1, more: '語'.repeat(100_000) }),
      'too-large',
      '',
    ],
    [
      'a payload that is large in bytes and not in characters',
      JSON.stringify({ type: 'control', action: 'a', payload: '語'.repeat(6000) }),
      'too-large',
      'payload',
    ],
    [
      'a large candidate',
      JSON.stringify({ type: 'candidate', session: 's', candidate: 'x'.repeat(4097) }),
      'too-large',
      'candidate',
    ],
    [
      'a large payload',
      JSON.stringify({ type: 'control', action: 'a', payload: 'x'.repeat(LIMITS.controlAction) }),
      'too-large',
      'payload',
    ],
    ['a large frame', `"${'x'.repeat(LIMITS.signalingMessageBytes)}"`, 'too-large', ''],
    ['__proto__', '{"type":"leave","__proto__":{"reason":"x"}}', 'malformed', ''],
    [
      'constructor far inside',
      '{"type":"control","action":"a","payload":[{"constructor":1}]}',
      'malformed',
      '',
    ],
    [
      'deep nesting',
      `{"type":"control","action":"a","payload":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      'malformed',
      '',
    ],
    [
      'too many values',
      `{"type":"control","action":"a","payload":[${'0,'.repeat(LIMITS.jsonValues)}0]}`,
      'malformed',
      '',
    ],
  ])('refuses %s', (_what, text, code, field) => {
    expect(parseClientMessage(text)).toMatchObject({ ok: false, error: { code, field } });
  });

  it('drops keys that it does not know', () => {
    expect(parseClientMessage('{"type":"ping","id":1,"new":true}')).toEqual({
      ok: true,
      message: { type: 'ping', id: 1 },
    });
  });

  it('never quotes a value in an error', () => {
    const secret = 'tok-3kd9s';
    const text = JSON.stringify({ type: 'join', room: secret, role: secret, token: [secret] });
    expect(JSON.stringify(parseClientMessage(text))).not.toContain(secret);
  });
});

describe('parseServerMessage', () => {
  it.each(serverMessages.map((message) => [message.type, message] as const))(
    'reads %s unchanged',
    (_type, message) => {
      expect(parseServerMessage(JSON.stringify(message))).toEqual({ ok: true, message });
    },
  );

  it.each([
    ['no list', { type: 'ice-servers' }, 'iceServers'],
    ['a server without an address', { type: 'ice-servers', iceServers: [{}] }, 'iceServers.0.urls'],
    [
      'more servers than a welcome may have',
      { type: 'ice-servers', iceServers: Array(LIMITS.iceServers + 1).fill({ urls: ['stun:x'] }) },
      'iceServers',
    ],
    ['a negative end', { type: 'ice-servers', iceServers: [], ttlS: -1 }, 'ttlS'],
  ])('refuses ICE servers with %s', (_what, message, field) => {
    expect(parseServerMessage(JSON.stringify(message))).toMatchObject({
      ok: false,
      error: { field },
    });
  });

  it('reads every relay, with from', () => {
    for (const message of clientMessages) {
      if (['join', 'leave', 'ping', 'pong'].includes(message.type)) continue;
      const relayed: Record<string, unknown> = { ...message, from: 'p9' };
      delete relayed['to'];
      expect(parseServerMessage(JSON.stringify(relayed))).toEqual({ ok: true, message: relayed });
      delete relayed['from'];
      expect(parseServerMessage(JSON.stringify(relayed))).toMatchObject({
        ok: false,
        error: { field: 'from' },
      });
    }
  });
});

describe('docs/protocol.md', () => {
  it('has a row for every message of peerdeck.v2, and for no other', () => {
    const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
    const section = page.split('\n## Signaling, `peerdeck.v2`\n')[1]?.split('\n## ')[0] ?? '';
    const told = section
      .split('\n')
      .filter((line) => /^\| (server →|→ server|relayed)/.test(line))
      .flatMap((line) => [...(line.split('|')[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, t]) => t));
    const types = [clientMessageSchema, serverMessageSchema].flatMap(({ def }) =>
      def.options.flatMap((option) => [...option.def.shape.type.def.values]),
    );
    expect(new Set(told)).toEqual(new Set(types));
  });
});

describe('the original protocol', () => {
  it.each([
    { type: 'offer', sdp: SDP },
    { type: 'answer', sdp: SDP },
    { type: 'candidate', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 },
    { type: 'candidate', candidate: 'candidate:1' },
    { type: 'candidate', candidate: 'candidate:1', sdpMid: null, sdpMLineIndex: null },
    { type: 'candidate', candidate: '' },
    { type: 'candidate', candidate: null },
    { type: 'candidate', candidate: 'candidate:1', usernameFragment: 'abcd' },
    { type: 'control', action: 'restart' },
    { type: 'control', action: 'restart', payload: { why: 'x' } },
    { type: 'video-metrics', queueDepth: 0, overwriteDrops: 0, vpGpuMs: 0.4 },
    { type: 'video-metrics' },
  ])('takes %j', (message) => {
    const text = JSON.stringify(message);
    expect(parseOriginalClientMessage(text)).toEqual({ ok: true, message });
    expect(parseOriginalServerMessage(text)).toEqual({ ok: true, message });
  });

  it.each([
    '{"type":"offer"}',
    '{"type":"offer","sdp":""}',
    '{"type":"candidate"}',
    '{"type":"control","action":""}',
    '{"type":"join"}',
    '{"type":"peer-disconnected"}',
  ])('refuses %s from a client', (text) => {
    expect(parseOriginalClientMessage(text).ok).toBe(false);
  });

  it('tells clients that the peer is gone', () => {
    expect(parseOriginalServerMessage('{"type":"peer-disconnected"}').ok).toBe(true);
    expect(parseOriginalServerMessage('{"type":"control","action":"schema-error"}').ok).toBe(true);
  });
});

describe('the control channel', () => {
  const session = {
    type: 'session',
    role: 'view',
    permissions: {
      view: true,
      control: false,
      clipboard: false,
      files: false,
      gamepad: false,
      audio: false,
    },
    host: 'desk',
    source: { kind: 'x11', title: ':0' },
    video: { width: 1280, height: 720, codec: 'H264', fps: 60 },
  };

  it.each([
    { type: 'auth', mac: MAC },
    { type: 'ping', id: 1, t: 12.5 },
    session,
    { type: 'cursor', serial: 3, hotX: 1, hotY: 2, width: 16, height: 16, png: 'iVBORw0KGgo=' },
    {
      type: 'host-stats',
      fps: 60,
      bitrateBps: 4e6,
      targetBitrateBps: 4e6,
      encodeMs: 2.1,
      captureToSendMs: 3,
      queueDelayMs: null,
      lossFraction: null,
      rttMs: null,
      encoder: 'libx264',
      reason: 'hold',
    },
    { type: 'ended', reason: 'host-closed' },
  ])('viewers read %j', (message) => {
    expect(parseHostControlMessage(JSON.stringify(message))).toEqual({ ok: true, message });
  });

  it.each([
    { type: 'auth', mac: MAC },
    { type: 'pong', id: 1, t: 12.5 },
    { type: 'stats', on: true },
    { type: 'visibility', visible: false },
    { type: 'bye' },
  ])('hosts read %j', (message) => {
    expect(parseViewerControlMessage(JSON.stringify(message))).toEqual({ ok: true, message });
  });

  it('takes no message of the other side, and none over 16 KiB', () => {
    expect(parseViewerControlMessage(JSON.stringify(session)).ok).toBe(false);
    expect(parseHostControlMessage('{"type":"bye"}').ok).toBe(false);
    const large = JSON.stringify({ type: 'bye', padding: 'x'.repeat(LIMITS.controlMessageBytes) });
    expect(parseViewerControlMessage(large)).toMatchObject({ error: { code: 'too-large' } });
  });
});

describe('under fire', () => {
  const parsers = [
    parseClientMessage,
    parseServerMessage,
    parseOriginalClientMessage,
    parseOriginalServerMessage,
    parseHostControlMessage,
    parseViewerControlMessage,
  ];

  /** Every parser gives a result; what it accepts is accepted again, unchanged. */
  function check(text: string): void {
    for (const parse of parsers) {
      const result = parse(text);
      if (!result.ok) {
        if (result.error.message === '') throw new Error('an error without words');
        continue;
      }
      const again = parse(JSON.stringify(result.message));
      if (!again.ok) throw new Error(`accepted once, refused again: ${text}`);
    }
  }

  it('never throws on arbitrary text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), check), { numRuns: 20_000 });
  });

  it('never throws on arbitrary JSON', () => {
    fc.assert(fc.property(fc.json(), check), { numRuns: 20_000 });
  });

  it('never throws on messages with one value changed', () => {
    const known = [...clientMessages, ...serverMessages] as Record<string, unknown>[];
    const mutated = fc
      .tuple(fc.constantFrom(...known), fc.nat(20), fc.jsonValue({ maxDepth: 10 }), fc.boolean())
      .map(([message, index, value, inside]) => {
        const copy = structuredClone(message);
        const keys = Object.keys(copy);
        const key = keys[index % keys.length] ?? 'type';
        const member = copy[key];
        if (inside && typeof member === 'object' && member !== null) {
          const inner = Object.keys(member);
          Object.assign(member, { [inner[index % inner.length] ?? 'x']: value });
        } else {
          copy[key] = value;
        }
        return JSON.stringify(copy);
      });
    fc.assert(fc.property(mutated, check), { numRuns: 20_000 });
  });
});

describe('what a server takes at the limit reaches its receiver', () => {
  const relayed = (text: string) => {
    const parsed = parseClientMessage(text);
    if (!parsed.ok) throw new Error(parsed.error.message);
    return JSON.stringify({ ...parsed.message, from: 'p'.repeat(LIMITS.peerId) });
  };
  const control = (payload: string) => `{"type":"control","action":"a","payload":${payload}}`;

  it.each([
    ['a control message', control(`"${'x'.repeat(LIMITS.controlAction - control('""').length)}"`)],
    ['numbers that are written longer than they came', control(`[${'1e20,'.repeat(3000)}0]`)],
  ])('%s', (_name, text) => {
    expect(parseServerMessage(relayed(text))).toMatchObject({ ok: true });
  });
});
