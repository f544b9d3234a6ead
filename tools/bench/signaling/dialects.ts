import { createHash, generateKeyPairSync, sign } from 'node:crypto';

/** Which of the two in a room: `first` receives what `second` sends. */
export type Side = 'first' | 'second';

/** How a server is spoken to. */
export interface Dialect {
  path(room: number, side: Side): string;
  readonly headers: string;
  /** What is answered to a text frame of the server before the client is in. */
  greet(text: string, room: number, side: Side): 'in' | 'wait' | { readonly say: string };
  /** Whether the handshake alone lets a client in. */
  readonly implicit: boolean;
  /** A message of `bytes` bytes from `second` to `first`. */
  message(room: number, bytes: number): string;
}

export type DialectName = 'bare' | 'original' | 'v2' | 'peerjs';

/** Lines as descriptions of sessions have them, with the line ends that JSON escapes. */
const CANDIDATE_LINE = 'a=candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx\r\n';

function padded(bytes: number, make: (sdp: string) => string): string {
  const empty = Buffer.byteLength(make(''));
  let sdp = 'v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\n';
  while (empty + Buffer.byteLength(JSON.stringify(sdp + CANDIDATE_LINE)) - 2 <= bytes) {
    sdp += CANDIDATE_LINE;
  }
  return make(sdp + 'x'.repeat(bytes - Buffer.byteLength(make(sdp))));
}

const original: Dialect = {
  path: (room) => `/?roomId=bench-${room}`,
  headers: '',
  greet: () => 'wait',
  implicit: true,
  message: (_room, bytes) => padded(bytes, (sdp) => JSON.stringify({ type: 'offer', sdp })),
};

/** 32 characters of the alphabet of rooms, the same for the same number. */
function roomId(room: number): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  const hash = createHash('sha256').update(`bench ${room}`).digest();
  return [...hash].map((byte) => alphabet[byte & 31]).join('');
}

/** One host key for all rooms. By node:crypto, so that the load costs less than what it loads. */
const host = generateKeyPairSync('ed25519');
const hostKey = host.publicKey.export({ format: 'jwk' }).x ?? '';

function hostSignature(challenge: string, room: string): string {
  const text = Buffer.from(`peerdeck/1 host slot\n${challenge}\n${room}`);
  return sign(null, text, host.privateKey).toString('base64url');
}

const v2: Dialect = {
  path: () => '/',
  headers: 'Sec-WebSocket-Protocol: peerdeck.v2\r\n',
  greet(text, room, side) {
    const message = JSON.parse(text) as { type: string; challenge?: string };
    if (message.type === 'welcome') return 'in';
    if (message.type !== 'hello') return 'wait';
    const id = roomId(room);
    const join = { type: 'join', room: id, role: side === 'first' ? 'host' : 'viewer' };
    if (side === 'second') return { say: JSON.stringify(join) };
    const signature = hostSignature(message.challenge ?? '', id);
    return { say: JSON.stringify({ ...join, hostKey, hostSignature: signature }) };
  },
  implicit: false,
  message: (_room, bytes) =>
    padded(bytes, (sdp) => JSON.stringify({ type: 'offer', session: 's1', sdp })),
};

const peerjs: Dialect = {
  path: (room, side) => `/peerjs?key=peerjs&id=bench-${room}-${side}&token=t${room}&version=1.5.4`,
  headers: '',
  greet: (text) => (text.startsWith('{"type":"OPEN"') ? 'in' : 'wait'),
  implicit: false,
  message: (room, bytes) =>
    padded(bytes, (sdp) =>
      JSON.stringify({ type: 'OFFER', payload: { sdp }, dst: `bench-${room}-first` }),
    ),
};

export const dialects: Record<DialectName, Dialect> = { bare: original, original, v2, peerjs };
