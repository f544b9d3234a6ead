import { CLOSE, mayRetryAfterClose, type PeerRole } from '@peerdeck/protocol';
import type { ConnectionEnd } from '../socket/connection.ts';
import type { LeaveReason } from '../rooms/room.ts';

/** Close codes of a peer that leaves on purpose; any other end is a loss. */
const LEAVING: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** What the others hear of a member whose connection ended. */
export function departure(end: ConnectionEnd, role: PeerRole): LeaveReason {
  if (end.by === 'peer') return LEAVING.has(end.code) ? 'left' : 'lost';
  // Its token ended while it was here: it may come back with a new one.
  if (end.code === CLOSE.unauthorized) return 'lost';
  // Who may come back after this code finds the place kept; who broke the rules does not.
  return mayRetryAfterClose(end.code, role) ? 'lost' : 'kicked';
}
