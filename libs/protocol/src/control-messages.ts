import * as z from 'zod/mini';
import { BASE64URL_32 } from './identifiers.ts';
import { LIMITS } from './limits.ts';
import { accessRoleSchema } from './signaling-messages.ts';

/*
 * JSON messages of the `control` data channel (docs/protocol.md). The first one each way is
 * `auth`; host-agent and web-client hold that order, the schemas only hold the shapes.
 */

const text = (max: number) => z.string().check(z.maxLength(max));
const measure = z.number().check(z.gte(0));
const size = z.int().check(z.gte(0), z.lte(65_535));
const maybe = z.nullable(measure);

const auth = z.object({
  type: z.literal('auth'),
  mac: z.string().check(z.regex(BASE64URL_32)),
});
const ping = z.object({
  type: z.literal('ping'),
  id: z.int().check(z.gte(0)),
  /** The sender's clock in milliseconds; opaque to the other side, echoed in `pong`. */
  t: z.number(),
});
const pong = z.object({ type: z.literal('pong'), id: z.int().check(z.gte(0)), t: z.number() });

const error = z.object({
  type: z.literal('error'),
  code: text(LIMITS.errorCode).check(z.minLength(1)),
  message: text(LIMITS.errorMessage),
});

// Host → viewer.

export const permissionsSchema = z.object({
  view: z.boolean(),
  control: z.boolean(),
  clipboard: z.boolean(),
  files: z.boolean(),
  gamepad: z.boolean(),
  audio: z.boolean(),
});
export type Permissions = z.infer<typeof permissionsSchema>;

const session = z.object({
  type: z.literal('session'),
  role: accessRoleSchema,
  permissions: permissionsSchema,
  /** Why this host takes input from nobody; absent: it takes that of the one in control. */
  noInput: z.optional(text(LIMITS.reason)),
  host: text(LIMITS.name),
  source: z.object({ kind: text(32), title: text(LIMITS.title) }),
  video: z.object({ width: size, height: size, codec: text(32), fps: measure }),
});
export type SessionInfo = z.infer<typeof session>;

const cursor = z.object({
  type: z.literal('cursor'),
  serial: z.int().check(z.gte(0)),
  hidden: z.optional(z.boolean()),
  hotX: size,
  hotY: size,
  width: size,
  height: size,
  /** base64 of a PNG; empty when hidden, or when the shape of this serial was sent before. */
  png: text(LIMITS.cursorPng),
});
export type CursorShape = z.infer<typeof cursor>;

/** One second of the host's side; null where nothing was measured in it. */
const hostStats = z.object({
  type: z.literal('host-stats'),
  fps: maybe,
  bitrateBps: maybe,
  targetBitrateBps: maybe,
  encodeMs: maybe,
  captureToSendMs: maybe,
  queueDelayMs: maybe,
  lossFraction: maybe,
  rttMs: maybe,
  encoder: text(64),
  /** Why the bitrate is what it is: the controller's last decision. */
  reason: text(LIMITS.reason),
});
export type HostStats = z.infer<typeof hostStats>;

const ended = z.object({
  type: z.literal('ended'),
  reason: z.enum(['host-closed', 'kicked', 'replaced', 'source-ended']),
});
export type EndedReason = z.infer<typeof ended>['reason'];

export const hostControlMessageSchema = z.discriminatedUnion('type', [
  auth,
  ping,
  pong,
  session,
  cursor,
  hostStats,
  ended,
  error,
]);
/** What a viewer reads. */
export type HostControlMessage = z.infer<typeof hostControlMessageSchema>;

// Viewer → host.

const stats = z.object({ type: z.literal('stats'), on: z.boolean() });
const visibility = z.object({ type: z.literal('visibility'), visible: z.boolean() });
const bye = z.object({ type: z.literal('bye') });

export const viewerControlMessageSchema = z.discriminatedUnion('type', [
  auth,
  ping,
  pong,
  stats,
  visibility,
  bye,
  error,
]);
/** What a host reads. */
export type ViewerControlMessage = z.infer<typeof viewerControlMessageSchema>;
