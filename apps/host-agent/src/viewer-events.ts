import type { IncomingRelay } from '@peerdeck/protocol';
import type { BitrateDecision } from './bitrate/bitrate-controller.ts';
import type { InputAction } from './input-gate.ts';

/* What a viewer's session hears of from signaling, and what it tells the audience. */

export type Offer = Extract<IncomingRelay, { type: 'offer' }>;
export type Candidate = Extract<IncomingRelay, { type: 'candidate' }>;
/** What signaling knows of the viewer: there, away for a while, or not a member any more. */
export type Membership = 'connected' | 'detached' | 'gone';

export type ViewerEvents = {
  /** The first time that there is a path, encrypted to the one who made the offer. */
  connected: [];
  /** Proved itself over the control channel: it may be told things, and its role counts. */
  ready: [];
  /** Passed the input gate; only while this viewer is in control. */
  input: [actions: readonly InputAction[]];
  /** What its path can carry, about ten times a second. */
  decision: [decision: BitrateDecision];
  /** It went on over its budget after it was told. */
  excessive: [];
  /** The last event: everything of this viewer is freed. */
  closed: [reason: string];
};
