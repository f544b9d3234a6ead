import type { Engine, IceServer } from '@peerdeck/native-capture';
import type { HostAuth, OutgoingRelay, RejectCode } from '@peerdeck/protocol';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import type { ViewerBudget } from './viewer-budget.ts';
import type { Offer } from './viewer-events.ts';

/** What one viewer's session on the host needs. */
export interface ViewerOptions {
  readonly session: string;
  readonly peerId: string;
  readonly engine: Engine;
  /** undefined: accepted without proof, because the owner's configuration says so. */
  readonly auth: HostAuth | undefined;
  readonly config: Config;
  readonly iceServers: readonly IceServer[];
  readonly send: (message: OutgoingRelay) => void;
  readonly reject: (offer: Offer, code: RejectCode, message: string) => void;
  readonly picture: { readonly width: number; readonly height: number };
  /** Of the member of the room, so that a new session of it begins with no new one. */
  readonly budget: ViewerBudget;
  /** Its connection opens after this: earlier ones of the same member close first. */
  readonly after: Promise<unknown>;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}
