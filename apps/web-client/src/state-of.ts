import type { SessionInfo } from '@peerdeck/protocol';
import type { ConnectingStep, Problem, RecoveryStep, ViewerState } from './viewer-state.ts';

/** What a connection knows of itself while it has not ended. */
export interface Facts {
  readonly signalingUp: boolean;
  /** When signaling tries again by itself. */
  readonly signalingRetryAt: number | undefined;
  readonly host: 'present' | 'detached' | 'absent';
  readonly graceEndsAt: number | undefined;
  readonly media: 'none' | 'offering' | 'live' | 'broken' | 'restarting';
  readonly step: Exclude<ConnectingStep, 'signaling'>;
  readonly session: SessionInfo | undefined;
  readonly everConnected: boolean;
  readonly problem: Problem | undefined;
  /** When the next offer is made. */
  readonly retryAt: number | undefined;
}

/** What the user is told, from the facts alone. */
export function stateOf(facts: Facts): ViewerState {
  const { signalingUp, media, session, everConnected, problem } = facts;
  if (media === 'live' && session !== undefined) return { name: 'connected', session };
  const retryAt = signalingUp ? facts.retryAt : facts.signalingRetryAt;
  const more = {
    ...(problem === undefined ? {} : { problem }),
    ...(retryAt === undefined ? {} : { retryAt }),
  };
  if (everConnected) {
    const step = recoveryStep(facts);
    const { graceEndsAt } = facts;
    const grace = step === 'host-lost' && graceEndsAt !== undefined ? { graceEndsAt } : {};
    return { name: 'reconnecting', step, ...more, ...grace };
  }
  if (!signalingUp) return { name: 'connecting', step: 'signaling', ...more };
  if (facts.host !== 'present') return { name: 'waiting' };
  return { name: 'connecting', step: media === 'offering' ? facts.step : 'answer', ...more };
}

function recoveryStep({ signalingUp, host, media }: Facts): RecoveryStep {
  if (!signalingUp) return 'signaling';
  if (host === 'detached') return 'host-lost';
  if (host === 'absent') return 'host-gone';
  if (media === 'restarting') return 'restart-ice';
  return media === 'offering' ? 'offer' : 'pause';
}
