import * as z from 'zod/mini';
import { LIMITS } from './limits.ts';
import { sdpSchema, videoMetricsSchema } from './signaling-messages.ts';

/*
 * The original protocol: no subprotocol, no roles, no addresses (docs/protocol.md). What it
 * refused without need is taken: `sdpMid: null`, the empty end of candidates,
 * `usernameFragment`, and `video-metrics` with all its fields. The server relays the original
 * text, so a key that this schema does not know reaches the other side as it did before.
 */

const text = (max: number) => z.string().check(z.maxLength(max));

const originalOffer = z.object({
  type: z.literal('offer'),
  sdp: sdpSchema.check(z.minLength(1)),
});
const originalAnswer = z.object({
  type: z.literal('answer'),
  sdp: sdpSchema.check(z.minLength(1)),
});
const originalCandidate = z.object({
  type: z.literal('candidate'),
  /** Empty or null: end of candidates. */
  candidate: z.nullable(text(LIMITS.candidate)),
  sdpMid: z.optional(z.nullable(text(LIMITS.sdpMid))),
  sdpMLineIndex: z.optional(z.nullable(z.int().check(z.gte(0), z.lte(LIMITS.sdpMLineIndex)))),
  usernameFragment: z.optional(z.nullable(text(LIMITS.usernameFragment))),
});
const originalControl = z.object({
  type: z.literal('control'),
  action: text(LIMITS.action).check(z.minLength(1)),
  payload: z.optional(z.unknown()),
});

export const originalClientMessageSchema = z.discriminatedUnion('type', [
  originalOffer,
  originalAnswer,
  originalCandidate,
  originalControl,
  z.partial(videoMetricsSchema, {
    queueDepth: true,
    overwriteDrops: true,
    backpressureSkips: true,
    outOfOrder: true,
    vpGpuMs: true,
  }),
]);
export type OriginalClientMessage = z.infer<typeof originalClientMessageSchema>;

const peerDisconnected = z.object({ type: z.literal('peer-disconnected') });

export const originalServerMessageSchema = z.discriminatedUnion('type', [
  ...originalClientMessageSchema.def.options,
  peerDisconnected,
]);
/** What a client of the original protocol receives: the relays, and `peer-disconnected`. */
export type OriginalServerMessage = z.infer<typeof originalServerMessageSchema>;

/** What the server itself says in the original protocol. */
export const ORIGINAL_PEER_DISCONNECTED = '{"type":"peer-disconnected"}';
export const ORIGINAL_SCHEMA_ERROR = '{"type":"control","action":"schema-error"}';
