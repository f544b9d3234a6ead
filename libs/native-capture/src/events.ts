import { z } from 'zod';

/**
 * Payloads of native events, checked once where they enter JavaScript. Unknown keys are dropped,
 * so a newer library can say more than an older listener knows.
 */
const nullableNumber = z.number().nullable().default(null);
const count = z.number().nonnegative().default(0);

export const peerStateSchema = z.object({
  state: z.enum(['connecting', 'connected', 'disconnected', 'failed', 'closed']),
});
export type PeerState = z.infer<typeof peerStateSchema>['state'];

/** A trickled candidate of ours (RFC 8838); `candidate` is empty at the end of candidates. */
export const candidateSchema = z.object({
  candidate: z.string(),
  sdpMid: z.string().nullable().optional(),
  sdpMLineIndex: z.number().int().nonnegative().nullable().optional(),
  usernameFragment: z.string().nullable().optional(),
});
export type IceCandidate = z.infer<typeof candidateSchema>;

export const channelStateSchema = z.object({ state: z.enum(['open', 'closed']) });
export type ChannelState = z.infer<typeof channelStateSchema>['state'];

/** Ten times a second for each connected peer; units in docs/architecture.md, "Feedback". */
export const feedbackSchema = z.object({
  intervalMs: z.number().nonnegative(),
  rttMs: nullableNumber,
  jitterMs: nullableNumber,
  lossFraction: nullableNumber,
  lossFractionRr: nullableNumber,
  queueDelayMs: nullableNumber,
  delayTrendMsPerS: nullableNumber,
  sentBytes: count,
  sentPackets: count,
  ackedBytes: count,
  receiveRateBps: nullableNumber,
  retransmittedPackets: count,
  nacks: count,
  plis: count,
  firs: count,
  twccReports: count,
  receiverReports: count,
  pacerQueueMs: count,
});
export type PeerFeedback = z.infer<typeof feedbackSchema>;

/** [sentMs, sentSpanMs, arrivalMs, arrivalSpanMs, delayMs, bytes, tailBytes, packets, lost] */
const burstSchema = z.array(nullableNumber).transform((fields) => {
  const [sentMs, sentSpanMs, arrivalMs, arrivalSpanMs, delayMs, bytes, tailBytes, packets, lost] =
    fields;
  return {
    /** The first packet's sending, ms of the host's monotonic clock. */
    sentMs: sentMs ?? 0,
    /** From there to the last received packet's; null here and below where none was received. */
    sentSpanMs: sentSpanMs ?? null,
    /** The first received packet's arrival, ms of the receiver's clock, whose zero nobody knows. */
    arrivalMs: arrivalMs ?? null,
    arrivalSpanMs: arrivalSpanMs ?? null,
    /** Least arrival minus sending: a one-way delay with the offset of the clocks in it. */
    delayMs: delayMs ?? null,
    /** Of RTP, received. */
    bytes: bytes ?? 0,
    /** Without the first received packet: these arrived within `arrivalSpanMs`. */
    tailBytes: tailBytes ?? 0,
    packets: packets ?? 0,
    lost: lost ?? 0,
  };
});
/** What was sent within 3 ms: mostly one frame, or a part of it. */
export type Burst = z.output<typeof burstSchema>;

/** With each report of a viewer on what has arrived (docs/architecture.md, "Arrivals"). */
export const arrivalsSchema = z.object({
  /** When the report came, on the clock of `Burst.sentMs`. */
  atMs: z.number(),
  bursts: z
    .array(burstSchema)
    .nullable()
    .transform((bursts) => bursts ?? []),
  /** On the way: sent after the newest packet that a report has told of. */
  inFlightBytes: count,
  /** Totals since the connection began. */
  sentBytes: count,
  ackedBytes: count,
  receivedPackets: count,
  lostPackets: count,
});
export type ArrivalReport = z.output<typeof arrivalsSchema>;

export const pathSchema = z.object({
  local: z.string(),
  remote: z.string(),
  protocol: z.string(),
});
export type PeerPath = z.infer<typeof pathSchema>;

export const sourceEventSchema = z.object({
  state: z.enum(['running', 'resized', 'lost', 'ended']),
  width: z.number().int().nonnegative().optional(),
  height: z.number().int().nonnegative().optional(),
  reason: z.string().optional(),
});
export type SourceEvent = z.infer<typeof sourceEventSchema>;

export const encoderEventSchema = z.object({
  state: z.enum(['running', 'reopened', 'failed']),
  name: z.string().optional(),
  reason: z.string().optional(),
});
export type EncoderEvent = z.infer<typeof encoderEventSchema>;

export const pipelineStatsSchema = z.object({
  framesCaptured: count,
  framesEncoded: count,
  framesSkippedUnchanged: count,
  keyframes: count,
  bytes: count,
  queueDepth: count,
  overwriteDrops: count,
  backpressureSkips: count,
  congestedSkips: count,
  outOfOrder: count,
  /** Of the GPU, for the colour conversion; null where it is not measured. */
  vpGpuMs: nullableNumber,
  grabUsP50: count,
  convertUsP50: count,
  encodeUsP50: count,
  pushUsP50: count,
  captureToPushUsP50: count,
  captureToPushUsP95: count,
  fps: count,
  bitrateBps: count,
  targetBitrateBps: count,
  width: count,
  height: count,
  state: z.string().default(''),
});
export type PipelineStats = z.infer<typeof pipelineStatsSchema>;

/** The host's pointer shape; the picture does not contain it. Hotspot in pixels of the shape. */
export const cursorSchema = z.union([
  z.object({ serial: z.number(), hidden: z.literal(true) }),
  z.object({
    serial: z.number(),
    hidden: z.literal(false).optional(),
    hotX: z.number().int(),
    hotY: z.number().int(),
    width: z.number().int().positive(),
    height: z.number().int().positive(),
    png: z.string(),
  }),
]);
export type CursorShape = z.infer<typeof cursorSchema>;

export const logSchema = z.object({
  level: z.enum(['info', 'warn', 'error']).catch('info'),
  message: z.string(),
});
export type NativeLog = z.infer<typeof logSchema>;

/** A part of a native library that failed and is tried again, works again, or has ended. */
export const faultSchema = z.object({
  part: z.string(),
  state: z.enum(['failing', 'recovered', 'ended']),
  /** Failures since the last such event of this part. */
  times: count,
  reason: z.string().default(''),
});
export type NativeFault = z.infer<typeof faultSchema>;

const backendSchema = z.object({
  name: z.string(),
  available: z.boolean(),
  reason: z.string().default(''),
});
export type BackendReport = z.infer<typeof backendSchema>;

export const probeSchema = z.object({
  versions: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  sources: z.array(backendSchema).default([]),
  encoders: z.array(backendSchema).default([]),
  injectors: z.array(backendSchema).default([]),
});
export type ProbeReport = z.infer<typeof probeSchema>;

export const windowListSchema = z.object({
  windows: z.array(
    z.object({
      id: z.string(),
      title: z.string().default(''),
      pid: z.number().default(0),
      process: z.string().default(''),
      x: z.number().default(0),
      y: z.number().default(0),
      width: z.number().default(0),
      height: z.number().default(0),
    }),
  ),
});
export type WindowInfo = z.infer<typeof windowListSchema>['windows'][number];

/** What an opened pipeline turned out to be. */
export const pipelineInfoSchema = z.object({
  width: z.number().int().nonnegative(),
  height: z.number().int().nonnegative(),
  source: z.string(),
  encoder: z.string(),
});
export type PipelineInfo = z.infer<typeof pipelineInfoSchema>;

export const pionVersionsSchema = z.looseObject({ abi: z.number() });
export const leakCountsSchema = z.record(z.string(), z.number());
