import type { MemberRole, RoomKind, RoomMember } from '../../rooms/room.ts';

/* What the nodes say to each other, and how a member is written in Redis. */

/** A member as the scripts keep it (scripts.ts). */
export interface StoredMember {
  readonly p: string;
  readonly r: MemberRole;
  readonly d: string;
  readonly c: string;
  readonly t: string;
  readonly s: 'c' | 'd';
  readonly n?: number;
  readonly a?: string;
  readonly o?: 1;
}

export const HOWS = {
  joined: true,
  resumed: true,
  detached: true,
  admitted: true,
  left: false,
  lost: false,
  replaced: false,
  kicked: false,
  evicted: false,
  /** Its node goes away: the place is given up or kept as its room's kind is, and nobody told. */
  released: undefined,
} as const;
export type How = keyof typeof HOWS;

export interface Change {
  readonly how: How;
  /** As it is after the change; of one that is gone, as it was. */
  readonly member: RoomMember;
}

/** A change of a room, to the other nodes that have members in it. */
export interface RoomNotice {
  readonly room: string;
  readonly version: number;
  readonly changes: readonly Change[];
  /** What caused it, as W3C Trace Context has it, where that is recorded. */
  readonly traceParent?: string | undefined;
}

export type Item =
  | { readonly type: 'frame'; readonly connectionId: string; readonly frame: string }
  | { readonly type: 'notice'; readonly notice: RoomNotice };

/** Whether the member is in the room after the change. */
export function remains(change: Change, kind: RoomKind): boolean {
  return HOWS[change.how] ?? kind === 'v2';
}

export function toStored(member: RoomMember): StoredMember {
  const { peerId, role, nodeId, connectionId, resume, state, origin, admitted } = member;
  const s = state === 'detached' ? 'd' : 'c';
  const a = origin === '' ? {} : { a: origin };
  const o = admitted ? { o: 1 as const } : {};
  return { p: peerId, r: role, d: nodeId, c: connectionId, t: resume, s, ...a, ...o };
}

export function fromStored({ p, r, d, c, t, s, a = '', o }: StoredMember): RoomMember {
  const state = s === 'd' ? 'detached' : 'connected';
  const who = { peerId: p, role: r, origin: a, admitted: o === 1 };
  return { ...who, nodeId: d, connectionId: c, resume: t, state };
}

/**
 * Between the items of one Redis message. Frames are JSON that was parsed, which has no bare
 * control characters.
 */
export const SEPARATOR = '\0';

export function encodeFrame(connectionId: string, frame: string): string {
  return `f${connectionId}\n${frame}`;
}

export function encodeNotice({ room, version, changes, traceParent }: RoomNotice): string {
  const c = changes.map(({ how, member }) => ({ how, m: toStored(member) }));
  return `e${JSON.stringify({ room, v: version, c, tp: traceParent })}`;
}

/** undefined for what this version does not know: a newer node may say more. */
export function decodeItem(text: string): Item | undefined {
  if (text.startsWith('f')) {
    const end = text.indexOf('\n');
    if (end === -1) return undefined;
    return { type: 'frame', connectionId: text.slice(1, end), frame: text.slice(end + 1) };
  }
  if (!text.startsWith('e')) return undefined;
  try {
    const { room, v, c, tp } = JSON.parse(text.slice(1)) as {
      room: string;
      v: number;
      c: { how: How; m: StoredMember }[];
      tp?: string;
    };
    const changes = c.map(({ how, m }) => ({ how, member: fromStored(m) }));
    return { type: 'notice', notice: { room, version: v, changes, traceParent: tp } };
  } catch {
    return undefined;
  }
}
