import * as z from 'zod/mini';
import { fitsInBytes } from './bytes.ts';
import {
  BASE64URL_16,
  BASE64URL_32,
  BASE64URL_64,
  OPAQUE_ID,
  ROOM_ID,
  TRACE_ID,
} from './identifiers.ts';
import { LIMITS } from './limits.ts';

/*
 * The messages of `peerdeck.v2` (docs/protocol.md). Unknown keys are dropped, so that a newer
 * peer may add some; keys that reach an object's prototype are refused by message-parser.ts.
 * zod/mini: the same checks as zod at a third of the size, for this file is in the web page.
 */

const text = (max: number) => z.string().check(z.maxLength(max));
/** An offer's or answer's text. */
export const sdpSchema = z.string().check(
  z.refine((value) => fitsInBytes(value, LIMITS.sdpBytes), {
    params: { bytes: LIMITS.sdpBytes },
  }),
);
const count = (max: number) => z.int().check(z.gte(0), z.lte(max));
const measure = z.number().check(z.gte(0));

const peerId = z.string().check(z.regex(OPAQUE_ID));
const session = z.string().check(z.regex(OPAQUE_ID));
const errorCode = text(LIMITS.errorCode).check(z.minLength(1));
const retryAfterMs = count(LIMITS.retryAfterMs);

export const peerRoleSchema = z.enum(['host', 'viewer']);
export type PeerRole = z.infer<typeof peerRoleSchema>;

/** Which key authenticated an offer, hence what the viewer may do. */
export const accessRoleSchema = z.enum(['control', 'view']);
export type AccessRole = z.infer<typeof accessRoleSchema>;

export const memberSchema = z.object({
  peerId,
  role: peerRoleSchema,
  /** `detached`: its connection is lost and its place is kept for `detachMs`. */
  state: z.enum(['connected', 'detached']),
});
export type Member = z.infer<typeof memberSchema>;

export const iceServerSchema = z.object({
  urls: z.array(text(LIMITS.iceUrl)).check(z.minLength(1), z.maxLength(LIMITS.iceUrls)),
  username: z.optional(text(LIMITS.iceUsername)),
  credential: z.optional(text(LIMITS.iceCredential)),
});
export type IceServer = z.infer<typeof iceServerSchema>;

export const offerAuthSchema = z.object({
  role: accessRoleSchema,
  nonce: z.string().check(z.regex(BASE64URL_16)),
  counter: count(0xffff_ffff),
  mac: z.string().check(z.regex(BASE64URL_32)),
});
export type OfferAuth = z.infer<typeof offerAuthSchema>;

export const answerAuthSchema = z.extend(offerAuthSchema, {
  /** The host's Ed25519 public key; a link's `h` is its hash. */
  hostKey: z.optional(z.string().check(z.regex(BASE64URL_32))),
  /** By that key over the input of `mac`. */
  signature: z.optional(z.string().check(z.regex(BASE64URL_64))),
});
export type AnswerAuth = z.infer<typeof answerAuthSchema>;

// Relayed messages, without the address that each direction adds.

const offer = z.object({
  type: z.literal('offer'),
  session,
  sdp: sdpSchema,
  auth: z.optional(offerAuthSchema),
});
const answer = z.object({
  type: z.literal('answer'),
  session,
  sdp: sdpSchema,
  auth: z.optional(answerAuthSchema),
});
const candidate = z.object({
  type: z.literal('candidate'),
  session,
  /** Empty: end of candidates. */
  candidate: text(LIMITS.candidate),
  sdpMid: z.optional(z.nullable(text(LIMITS.sdpMid))),
  sdpMLineIndex: z.optional(z.nullable(count(LIMITS.sdpMLineIndex))),
  usernameFragment: z.optional(z.nullable(text(LIMITS.usernameFragment))),
});
const reject = z.object({
  type: z.literal('reject'),
  session,
  code: errorCode,
  message: text(LIMITS.errorMessage),
});
const control = z.object({
  type: z.literal('control'),
  action: text(LIMITS.action).check(z.minLength(1)),
  payload: z.optional(z.unknown()),
});
export const videoMetricsSchema = z.object({
  type: z.literal('video-metrics'),
  queueDepth: measure,
  overwriteDrops: measure,
  backpressureSkips: measure,
  outOfOrder: measure,
  /** Milliseconds of GPU time of the colour conversion; null where it is not measured. */
  vpGpuMs: z.optional(z.nullable(measure)),
});
export type VideoMetrics = z.infer<typeof videoMetricsSchema>;

const ping = z.object({ type: z.literal('ping'), id: count(Number.MAX_SAFE_INTEGER) });
const pong = z.object({ type: z.literal('pong'), id: count(Number.MAX_SAFE_INTEGER) });

const traceId = z.string().check(z.regex(TRACE_ID));
/** What this connection is called in the service's logs: no secret, made to be shown. */
const marks = {
  connection: z.optional(z.string().check(z.regex(OPAQUE_ID))),
  trace: z.optional(traceId),
};

// Client → server.

export const joinSchema = z.object({
  type: z.literal('join'),
  room: z.string().check(z.regex(ROOM_ID)),
  role: peerRoleSchema,
  name: z.optional(text(LIMITS.name)),
  /** The operator's JWT, where the service asks for one. */
  token: z.optional(text(LIMITS.token)),
  /** `welcome.resume` of the connection that this one continues. */
  resume: z.optional(text(LIMITS.resumeToken)),
  maxViewers: z.optional(z.int().check(z.gte(1), z.lte(LIMITS.members))),
  /** The client's own trace, which the service's logs and traces then carry. */
  trace: z.optional(traceId),
  /** The host's Ed25519 public key, 32 bytes. */
  hostKey: z.optional(z.string().check(z.regex(BASE64URL_32))),
  /** By that key over the host slot text (sdp-auth.ts, signHostSlot). */
  hostSignature: z.optional(z.string().check(z.regex(BASE64URL_64))),
});
export type Join = z.infer<typeof joinSchema>;

/** The host removes a viewer, and for as long as it wishes its address too. */
const kick = z.object({
  type: z.literal('kick'),
  peerId,
  blockMs: z.optional(count(LIMITS.kickBlockMs)),
});

const leave = z.object({ type: z.literal('leave'), reason: z.optional(text(LIMITS.reason)) });

/** The host names its viewer in `to`; a viewer's messages go to the host and need none. */
const addressed = { to: z.optional(peerId) };
const clientRelays = [
  z.extend(offer, addressed),
  z.extend(answer, addressed),
  z.extend(candidate, addressed),
  z.extend(reject, addressed),
  z.extend(control, addressed),
  z.extend(videoMetricsSchema, addressed),
] as const;

export const clientMessageSchema = z.discriminatedUnion('type', [
  joinSchema,
  ...clientRelays,
  kick,
  leave,
  ping,
  pong,
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;
export type ClientMessageType = ClientMessage['type'];

/** What the server passes on between members. */
export const relayTypes = [
  'offer',
  'answer',
  'candidate',
  'reject',
  'control',
  'video-metrics',
] as const satisfies readonly ClientMessageType[];
export type RelayType = (typeof relayTypes)[number];
/** A relayed message as its sender writes it (`to`). */
export type OutgoingRelay = Extract<ClientMessage, { type: RelayType }>;

// Server → client.

const hello = z.object({
  type: z.literal('hello'),
  challenge: z.string().check(z.regex(BASE64URL_16)),
  server: text(LIMITS.name),
  ...marks,
});
export type Hello = z.infer<typeof hello>;

const welcome = z.object({
  type: z.literal('welcome'),
  peerId,
  role: peerRoleSchema,
  room: z.string().check(z.regex(ROOM_ID)),
  /** Without the receiver itself. */
  members: z.array(memberSchema).check(z.maxLength(LIMITS.members)),
  iceServers: z.array(iceServerSchema).check(z.maxLength(LIMITS.iceServers)),
  resume: text(LIMITS.resumeToken),
  resumed: z.boolean(),
  ...marks,
  /** How often a client should ping; three missed ones mean a dead connection. */
  heartbeatMs: count(LIMITS.retryAfterMs),
  /** How long a lost member's place is kept. */
  detachMs: count(LIMITS.retryAfterMs),
  limits: z.object({
    messageBytes: count(Number.MAX_SAFE_INTEGER),
    messagesPer10s: count(Number.MAX_SAFE_INTEGER),
    maxMembers: count(Number.MAX_SAFE_INTEGER),
  }),
});
export type Welcome = z.infer<typeof welcome>;

const iceServersMessage = z.object({
  type: z.literal('ice-servers'),
  /** All of them: they take the place of those before, `welcome.iceServers` included. */
  iceServers: z.array(iceServerSchema).check(z.maxLength(LIMITS.iceServers)),
  /** Seconds for which their credentials let new relays be made; absent: they do not end. */
  ttlS: z.optional(count(LIMITS.iceTtlS)),
});
export type IceServersMessage = z.infer<typeof iceServersMessage>;

const memberJoined = z.object({ type: z.literal('member-joined'), peerId, role: peerRoleSchema });
const memberDetached = z.object({
  type: z.literal('member-detached'),
  peerId,
  role: peerRoleSchema,
  graceMs: count(LIMITS.retryAfterMs),
});
const memberResumed = z.object({ type: z.literal('member-resumed'), peerId, role: peerRoleSchema });
const memberLeft = z.object({
  type: z.literal('member-left'),
  peerId,
  role: peerRoleSchema,
  reason: z.enum(['left', 'lost', 'replaced', 'kicked']),
});

const error = z.object({
  type: z.literal('error'),
  /** One of error-codes.ts, or one that a newer server knows. */
  code: errorCode,
  message: text(LIMITS.errorMessage),
  field: z.optional(text(LIMITS.errorField)),
  retryAfterMs: z.optional(retryAfterMs),
  /** The connection closes after this. */
  fatal: z.boolean(),
});
export type ServerError = z.infer<typeof error>;

const drain = z.object({ type: z.literal('drain'), retryAfterMs });

const received = { from: peerId };
const serverRelays = [
  z.extend(offer, received),
  z.extend(answer, received),
  z.extend(candidate, received),
  z.extend(reject, received),
  z.extend(control, received),
  z.extend(videoMetricsSchema, received),
] as const;

export const serverMessageSchema = z.discriminatedUnion('type', [
  hello,
  welcome,
  iceServersMessage,
  memberJoined,
  memberDetached,
  memberResumed,
  memberLeft,
  ...serverRelays,
  error,
  drain,
  ping,
  pong,
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;
export type ServerMessageType = ServerMessage['type'];
/** A relayed message as its receiver reads it (`from`). */
export type IncomingRelay = Extract<ServerMessage, { type: RelayType }>;
/** Presence of the other members. */
export type MemberEvent = Extract<
  ServerMessage,
  { type: 'member-joined' | 'member-detached' | 'member-resumed' | 'member-left' }
>;
