import type { Join } from '@peerdeck/protocol';
import type { Random } from '../base/random.ts';
import { ownsHostKey } from '../rooms/host-slot.ts';
import type { JoinRequest } from '../rooms/room.ts';
import { originOf } from './origin.ts';

/** Whether a host that names a key has shown that it holds it. */
export function holdsKey(
  { role, room, hostKey, hostSignature: signature = '' }: Join,
  challenge: string,
): boolean {
  if (role !== 'host' || hostKey === undefined) return true;
  return ownsHostKey({ hostKey, signature, challenge, room });
}

/** What a room is asked for, out of a `join` of `peerdeck.v2`. */
export function joinRequest(
  { room, role, resume, hostKey, maxViewers }: Join,
  by: {
    readonly nodeId: string;
    readonly random: Random;
    readonly connectionId: string;
    readonly limitKey: string;
  },
): JoinRequest {
  return {
    ...{ room, kind: 'v2', role, nodeId: by.nodeId },
    connectionId: by.connectionId,
    peerId: by.random.token(9),
    resume: by.random.token(32),
    origin: originOf(by.limitKey, room),
    ...(resume === undefined ? {} : { resumeFrom: resume }),
    ...(role === 'host' && hostKey !== undefined ? { hostKey } : {}),
    ...(role === 'host' && maxViewers !== undefined ? { maxViewers } : {}),
  };
}

export const JOIN_REFUSALS = {
  'room-full': 'no place is left in this room',
  'host-slot-taken': 'this room has another host',
  'wrong-room-kind': 'this room is used with the original protocol',
  kicked: 'the host removed a viewer of this address',
  unavailable: 'the service cannot answer now',
} as const;
