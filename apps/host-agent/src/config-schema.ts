import { z } from 'zod';

/*
 * Every key of config.json with its default, its bounds and its meaning. This is the one place:
 * the environment variables, `--print-config` and docs/configuration.md come from it.
 */

const flag = (fallback: boolean, text: string) => z.boolean().default(fallback).describe(text);
const whole = (min: number, max: number, fallback: number, text: string) =>
  z.number().int().min(min).max(max).default(fallback).describe(text);
const words = (fallback: string, max: number, text: string) =>
  z.string().max(max).default(fallback).describe(text);

const clientSchema = z.strictObject({
  serverUrlBase: z
    .url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// address' })
    .default('ws://localhost:3002')
    .describe('The signaling service.'),
  webUrl: z
    .union([
      z.literal(''),
      z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' }),
    ])
    .default('')
    .describe(
      'Where viewers open the page; the printed link starts with it. Empty: the signaling address, over http.',
    ),
  token: words('', 8192, "The operator's JWT, if the signaling service asks for one."),
  tokenFile: words(
    '',
    4096,
    'A file with that JWT instead, read at each connection, so that it can be renewed.',
  ),
  certificateFile: words(
    '',
    4096,
    "The signaling service's certificate, PEM. Given, that very one is trusted, whatever its names and whoever signed it, and no other.",
  ),
});

const windowSchema = z.strictObject({
  resizeClientArea: flag(false, 'Resize the captured window to targetWidth × targetHeight.'),
  targetWidth: whole(64, 8192, 1920, 'Pixels.'),
  targetHeight: whole(64, 8192, 1080, 'Pixels.'),
});

const videoSchema = z.strictObject({
  fps: whole(1, 240, 60, 'Frames per second at most.'),
  bitrateStart: whole(50_000, 500_000_000, 6_000_000, 'Bits per second to begin with.'),
  bitrateMin: whole(
    50_000,
    500_000_000,
    500_000,
    'A hard floor, in bits per second: the rate never falls below it, however bad the path. ' +
      'Set it low: a floor above what the path carries means seconds of delay and lost pictures.',
  ),
  bitrateMax: whole(50_000, 500_000_000, 20_000_000, 'The ceiling, in bits per second.'),
  encoder: z
    .enum(['auto', 'x264', 'libx264', 'nvenc', 'amf', 'qsv', 'mf', 'vaapi'])
    .default('auto')
    .describe('Encoder backend; auto takes the first that works (see --doctor).'),
  quality: whole(
    1,
    100,
    85,
    'How good the picture may become where the bitrate has room for it: 100 is quantiser 13, and ' +
      'each 5 points less are one more (85: 16, 50: 23). A still picture is sharpened up to ' +
      'there; one in motion is that good where a quarter of its bits are enough. Lower it to ' +
      'save bandwidth.',
  ),
  threads: whole(0, 16, 0, 'Encoder threads; 0 lets the encoder choose.'),
  gpuTiming: flag(
    false,
    'Measure the GPU time of the colour conversion (Windows). Not there yet: has no effect.',
  ),
  deferredContext: flag(
    false,
    'Prefer deferred GPU contexts (Windows). Not there yet: has no effect.',
  ),
  exportMetrics: flag(false, 'Send `video-metrics` once a second over signaling.'),
});

const captureSchema = z.strictObject({
  source: z
    .enum(['auto', 'x11', 'synthetic', 'wgc', 'dxgi', 'gdi'])
    .default('auto')
    .describe('Capture backend; auto takes the first that works (see --doctor).'),
  maxQueueDepth: whole(1, 16, 4, 'Pictures between capture and encoder; the oldest is dropped.'),
  framePoolBuffers: whole(2, 16, 6, 'Buffers of the capture frame pool (Windows).'),
  dropWindowMs: whole(10, 10_000, 200, 'Window in which encoder backpressure is counted.'),
  dropMinEvents: whole(1, 100, 2, 'Backpressure events in the window that make capture drop.'),
  minUpdateInterval100ns: whole(
    0,
    10_000_000,
    0,
    'Least time between captured pictures, in 100 ns. 0: one millisecond, and `fps` holds the ' +
      'rate. Windows captures at about 50 fps when asked for less than a millisecond, so a value ' +
      'from 1 to 9999 is raised to 10000, with a note.',
  ),
  skipUnchanged: flag(false, 'Skip pictures that equal the one before.'),
  mmcss: z
    .strictObject({
      enable: flag(true, 'Register the capture thread with MMCSS "Games" (Windows).'),
      priority: whole(-2, 2, 2, 'MMCSS priority, -2 to 2.'),
    })
    .prefault({}),
});

const inputSchema = z.strictObject({
  enabled: flag(true, 'Whether any viewer may send input at all.'),
  eventsPerSecond: whole(10, 10_000, 500, 'Keys, buttons and wheel steps per second and viewer.'),
  positionsPerSecond: whole(10, 10_000, 1000, 'Pointer positions per second and viewer.'),
  textPerSecond: whole(0, 10_000, 500, 'Characters of typed text per second and viewer.'),
  silenceMs: whole(
    0,
    60_000,
    2000,
    'Held keys are released when the viewer has been silent this long; 0: only on disconnect.',
  ),
  injector: z
    .enum(['auto', 'xtest', 'sendinput', 'recorder'])
    .default('auto')
    .describe('Injection backend; auto takes the first that works.'),
});

const networkSchema = z.strictObject({
  interfaces: z
    .array(z.string().max(64))
    .max(32)
    .default([])
    .describe('Network interfaces to offer; empty: all.'),
  includeLoopback: flag(true, 'Offer loopback too, so that a viewer on this machine connects.'),
  mdns: flag(true, "Understand viewers' mDNS candidates (browsers hide local addresses so)."),
  udpPortMin: whole(0, 65_535, 0, 'First UDP port for media; 0: any.'),
  udpPortMax: whole(0, 65_535, 0, 'Last UDP port for media; 0: any.'),
  relayOnly: flag(false, 'Only use TURN relays.'),
});

const hostSchema = z.strictObject({
  name: words('', 64, 'What viewers see; empty: the name of this machine.'),
  display: words('', 256, 'X display such as ":0"; empty: $DISPLAY.'),
  targetProcessName: words(
    '',
    256,
    'Stream only the window of this process. Empty: the whole desktop.',
  ),
  allowDesktopFallback: flag(
    false,
    'Share the whole desktop when targetProcessName has no window.',
  ),
  maxViewers: whole(1, 16, 4, 'Viewers at a time.'),
  secondController: z
    .enum(['takeOver', 'wait'])
    .default('takeOver')
    .describe('A second viewer with the control code takes control over, or waits for it.'),
  acceptUnauthenticated: flag(
    false,
    'Let viewers in whose offer carries no proof of the code. Anybody who finds the room then ' +
      'sees and controls this machine.',
  ),
  window: windowSchema.prefault({}),
  video: videoSchema.prefault({}),
  capture: captureSchema.prefault({}),
  input: inputSchema.prefault({}),
  network: networkSchema.prefault({}),
});

const iceServerSchema = z
  .strictObject({
    urls: z.preprocess(
      (value) => (typeof value === 'string' ? [value] : value),
      z
        .array(z.string().regex(/^(stun|stuns|turn|turns):.+/, 'must start with stun: or turn:'))
        .min(1)
        .max(16),
    ),
    username: z.string().max(512).optional(),
    credential: z.string().max(512).optional(),
  })
  .refine(
    ({ urls, username = '', credential = '' }) =>
      !urls.some((url) => url.startsWith('turn')) || (username !== '' && credential !== ''),
    'a TURN server needs username and credential',
  );

export const configSchema = z
  .strictObject({
    client: clientSchema.prefault({}),
    iceServers: z
      .array(iceServerSchema)
      .max(32)
      .default([])
      .describe(
        'STUN and TURN servers, as in RTCPeerConnection; added to those of the signaling ' +
          'service. Without any, sessions across the internet mostly fail.',
      ),
    host: hostSchema.prefault({}),
  })
  .superRefine((config, context) => {
    const { bitrateMin, bitrateStart, bitrateMax } = config.host.video;
    const fail = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (bitrateMin > bitrateStart) {
      fail(
        ['host', 'video', 'bitrateMin'],
        `${bitrateMin} is above bitrateStart (${bitrateStart}); keep bitrateMin ≤ bitrateStart ≤ bitrateMax`,
      );
    }
    if (bitrateStart > bitrateMax) {
      fail(
        ['host', 'video', 'bitrateStart'],
        `${bitrateStart} is above bitrateMax (${bitrateMax}); keep bitrateMin ≤ bitrateStart ≤ bitrateMax`,
      );
    }
    const { udpPortMin, udpPortMax } = config.host.network;
    if (udpPortMin > udpPortMax || (udpPortMin === 0) !== (udpPortMax === 0)) {
      fail(
        ['host', 'network', 'udpPortMin'],
        `set udpPortMin ≤ udpPortMax, or both to 0 (${udpPortMin}, ${udpPortMax})`,
      );
    }
  });

export type Config = z.infer<typeof configSchema>;
