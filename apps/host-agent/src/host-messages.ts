import type { CursorShape as NativeCursor, PipelineStats } from '@peerdeck/native-capture';
import { LIMITS, type AccessRole, type HostControlMessage } from '@peerdeck/protocol';
import type { PathEstimate } from './bitrate/path-estimate.ts';
import type { ScreenInfo } from './screen.ts';

/* What a host tells its viewers over the control channel, made of what it knows. */

export function sessionMessage(of: {
  readonly role: AccessRole;
  /** Whether it is the one who controls. */
  readonly hasSeat: boolean;
  readonly hostName: string;
  readonly fps: number;
  readonly info: ScreenInfo | undefined;
}): Extract<HostControlMessage, { type: 'session' }> {
  const { role, hasSeat, hostName, fps, info } = of;
  const control = hasSeat && info?.noInput === undefined;
  const none = { clipboard: false, files: false, gamepad: false, audio: false };
  return {
    type: 'session',
    role,
    permissions: { view: true, control, ...none },
    ...(info?.noInput === undefined ? {} : { noInput: info.noInput.slice(0, LIMITS.reason) }),
    host: hostName.slice(0, LIMITS.name),
    source: { kind: info?.kind ?? 'desktop', title: (info?.title ?? '').slice(0, LIMITS.title) },
    video: { width: info?.width ?? 0, height: info?.height ?? 0, codec: 'h264', fps },
  };
}

/** One second of this side; null where nothing was measured. */
export function statsMessage(
  path: PathEstimate,
  stats: PipelineStats | undefined,
  info: ScreenInfo | undefined,
): HostControlMessage {
  const { feedback, decision, rttMs } = path;
  return {
    type: 'host-stats',
    fps: stats?.fps ?? null,
    bitrateBps: stats?.bitrateBps ?? null,
    targetBitrateBps: stats?.targetBitrateBps ?? null,
    encodeMs: stats === undefined ? null : stats.encodeUsP50 / 1000,
    captureToSendMs: stats === undefined ? null : stats.captureToPushUsP50 / 1000,
    queueDelayMs: atLeastZero(feedback?.queueDelayMs),
    lossFraction: atLeastZero(feedback?.lossFraction),
    rttMs: atLeastZero(rttMs ?? feedback?.rttMs),
    encoder: info?.encoder ?? '',
    reason: decision?.reason ?? 'start',
  };
}

export function lostMessage(reason: string): HostControlMessage {
  const message = `The host's screen is gone (${reason}); it is tried again.`;
  return { type: 'error', code: 'internal', message: message.slice(0, LIMITS.errorMessage) };
}

/** A shape too large for a message is not sent: the viewer keeps the one before. */
export function cursorMessage(shape: NativeCursor): HostControlMessage | undefined {
  if (shape.hidden === true) {
    const none = { hotX: 0, hotY: 0, width: 0, height: 0, png: '' };
    return { type: 'cursor', serial: shape.serial, hidden: true, ...none };
  }
  if (shape.png.length > LIMITS.cursorPng) return undefined;
  const { serial, hotX, hotY, width, height, png } = shape;
  return { type: 'cursor', serial, hotX, hotY, width, height, png };
}

function atLeastZero(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.max(value, 0);
}
