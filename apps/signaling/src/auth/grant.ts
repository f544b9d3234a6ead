import type { PeerRole } from '@peerdeck/protocol';
import type { JWTPayload } from 'jose';

/** What a token allows. */
export interface Grant {
  /** Room ids, or beginnings of room ids that end in `*`. */
  readonly rooms: readonly string[];
  readonly roles: ReadonlySet<PeerRole>;
  /** Milliseconds since 1970 at which it ends, the clock skew included. */
  readonly endsAt: number;
}

/** What somebody asks for. */
export interface Wanted {
  readonly room: string;
  /** undefined in the original protocol, whose rooms know no roles. */
  readonly role: PeerRole | undefined;
}

const ROLES: readonly PeerRole[] = ['host', 'viewer'];

/**
 * The rooms and roles that verified claims name; undefined if they are not of the form that
 * docs/signaling.md describes. Whatever is missing or of another form grants nothing.
 */
export function readGrant(claims: JWTPayload, endsAt: number): Grant | undefined {
  const { rooms, role } = claims;
  if (!isTexts(rooms)) return undefined;
  const named = role === undefined ? [] : typeof role === 'string' ? [role] : role;
  if (!isTexts(named)) return undefined;
  return { rooms, roles: new Set(ROLES.filter((one) => named.includes(one))), endsAt };
}

/** The claim that stands in the way; undefined: allowed. */
export function missingFrom(grant: Grant, wanted: Wanted): 'room' | 'role' | undefined {
  if (!grant.rooms.some((pattern) => matches(pattern, wanted.room))) return 'room';
  if (wanted.role !== undefined && !grant.roles.has(wanted.role)) return 'role';
  return undefined;
}

/** A `*` that is not at the end stands for itself, hence for no room. */
function matches(pattern: string, room: string): boolean {
  return pattern.endsWith('*') ? room.startsWith(pattern.slice(0, -1)) : room === pattern;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string' && entry !== '');
}
