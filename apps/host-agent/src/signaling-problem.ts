import { CLOSE, type SignalingState } from '@peerdeck/protocol';

/** What the owner should know of a host that is out of its room, and what may help. */
export function signalingProblem(
  url: string,
  loss: Extract<SignalingState, { state: 'reconnecting' }>,
): string {
  const { cause, code, reason, inMs } = loss;
  const again = `Trying again in ${Math.max(1, Math.round(inMs / 1000))} s.`;
  switch (cause) {
    case 'refused':
      return (
        `The signaling service at ${url} refuses this host (${code}): ${reason}. ` +
        `Check client.serverUrlBase and the token. ${again}`
      );
    case 'displaced':
      return (
        'Another agent uses the identity of this one and took its place. ' +
        `End it, or give one of the two a file of its own with --identity. ${again}`
      );
    case 'taken':
      return code === CLOSE.hostSlotTaken || code === CLOSE.wrongRoomKind
        ? `Another host has this room (${code}): ${reason}. ${again}`
        : `The room does not take this host now (${code}): ${reason}. ${again}`;
    case 'lost':
      return `No signaling service at ${url}: ${reason}.`;
  }
}
