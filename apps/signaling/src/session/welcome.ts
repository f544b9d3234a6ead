import type { Member, Welcome } from '@peerdeck/protocol';
import type { RoomMember } from '../rooms/room.ts';
import type { SessionSettings } from './session.ts';

/** The first message of a member: who it is, who else is there, and what holds here. */
export function welcomeOf(
  room: string,
  { member, members }: { readonly member: RoomMember; readonly members: readonly RoomMember[] },
  settings: SessionSettings,
): Omit<Welcome, 'iceServers' | 'resumed'> {
  return {
    type: 'welcome',
    peerId: member.peerId,
    role: roleOf(member),
    room,
    members: members
      .filter(({ peerId }) => peerId !== member.peerId)
      .map((other) => ({ peerId: other.peerId, role: roleOf(other), state: other.state })),
    resume: member.resume,
    heartbeatMs: settings.heartbeatMs,
    detachMs: settings.detachMs,
    limits: {
      messageBytes: settings.messageBytes,
      messagesPer10s: settings.messageRate.limit,
      maxMembers: settings.maxMembers,
    },
  };
}

/** Rooms of v2 have no members of another role. */
function roleOf({ role }: RoomMember): Member['role'] {
  return role === 'host' ? 'host' : 'viewer';
}
