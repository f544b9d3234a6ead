import { ViewerAuth, type IceServer } from '@peerdeck/protocol';
import type { ConnectionOptions, PeerLike } from './connection-options.ts';
import type { PeerEvents } from './peer.ts';

/**
 * A peer for a new session with the host. What it reports after another one took its place is no fact
 * any more, so its events pass only while `isCurrent` says so.
 */
export function sessionPeer(
  options: ConnectionOptions,
  by: {
    readonly iceServers: readonly IceServer[];
    readonly events: PeerEvents;
    readonly isCurrent: (peer: PeerLike) => boolean;
  },
): PeerLike {
  const { role, key, hostKeyHash, timers, now, newSession, createPeer, signaling } = options;
  const session = newSession();
  const hash = hostKeyHash === undefined ? {} : { hostKeyHash };
  // A peer may report before its maker has it.
  const made: { peer?: PeerLike } = {};
  const current =
    <Event extends unknown[]>(handle: (...event: Event) => void) =>
    (...event: Event) => {
      if (made.peer !== undefined && by.isCurrent(made.peer)) handle(...event);
    };
  const { events } = by;
  made.peer = createPeer({
    session,
    auth: new ViewerAuth({ session, role, key, ...hash }),
    iceServers: by.iceServers,
    send: (message) => void signaling.send(message),
    timers,
    now,
    events: {
      onTrack: current(events.onTrack),
      onAnswered: current(events.onAnswered),
      onTrusted: current(events.onTrusted),
      onMessage: current(events.onMessage),
      onRoundTrip: current(events.onRoundTrip),
      onState: current(events.onState),
      onControlClosed: current(events.onControlClosed),
      onUntrusted: current(events.onUntrusted),
      onFault: current(events.onFault),
    },
  });
  return made.peer;
}
