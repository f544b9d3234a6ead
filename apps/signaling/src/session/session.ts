import type { Authenticator } from '../auth/authenticator.ts';
import type { Bus, RoomEvent } from '../bus/bus.ts';
import type { Clock } from '../base/clock.ts';
import type { Connection, ConnectionHandler } from '../socket/connection.ts';
import type { Limiter, Rate } from '../limits/limiter.ts';
import type { Guesses } from '../limits/guesses.ts';
import type { Logger } from '../base/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Random } from '../base/random.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';
import type { Removal } from '../rooms/room.ts';
import type { IceServers } from '../turn/ice-servers.ts';

/** What a connection means: one of these per version of the protocol. */
export interface Session extends Omit<ConnectionHandler, 'closed'> {
  /** A frame of another member, ready to be written. False: not taken, since the receiver lags. */
  frame(frame: string): boolean;
  event(event: RoomEvent): void;
  /** Another connection took this one's place. */
  replaced(): void;
  /** The host removed this member, or it proved nothing and another one needed its place. */
  removed(why: Removal): void;
  /** The place is gone through no fault of the client. */
  lost(): void;
  /** The node goes away: come back, to another one, in so many milliseconds. */
  drain(retryAfterMs: number): void;
}

export interface SessionSettings {
  readonly server: string;
  readonly heartbeatMs: number;
  readonly detachMs: number;
  readonly joinTimeoutMs: number;
  readonly maxMembers: number;
  readonly messageBytes: number;
  readonly messageRate: Rate;
  readonly byteRate: Rate;
  /** Share of relayed messages that get a span. */
  readonly relayTraceRatio: number;
}

/** What all sessions of a node share. */
export interface SessionContext {
  readonly settings: SessionSettings;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly iceServers: IceServers;
  /** undefined: everybody may enter every room. */
  readonly auth: Authenticator | undefined;
  readonly ipLimiter: Limiter;
  readonly roomLimiter: Limiter;
  readonly guesses: Guesses;
  /** While the node drains, a connection that ends is no member that leaves. */
  readonly isDraining: () => boolean;
}

export interface SessionOptions {
  readonly context: SessionContext;
  readonly connection: Connection;
  readonly trace: ConnectionTrace;
  /** The token that came with the handshake; it never reaches a log. */
  readonly token: string | undefined;
  /** What limits per address count this client by. */
  readonly limitKey: string;
  /** The connection holds a place in a room now. */
  readonly onJoined: (connection: Connection) => void;
}

/** For what is not to be cancelled, or not any more. */
export const nothing = (): void => {};

/** Watches over the end of no token. */
export const notWatched = (): (() => void) => nothing;
