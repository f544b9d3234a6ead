import { createHash } from 'node:crypto';

/**
 * What tells a room's members of one address from those of others, in the room and nowhere else:
 * the same address is another origin in another room.
 */
export function originOf(limitKey: string, room: string): string {
  return createHash('sha256').update(`${room}\n${limitKey}`).digest('base64url').slice(0, 16);
}
