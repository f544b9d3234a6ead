import type { RelayType } from '@peerdeck/protocol';
import type { Room, RoomMember } from './room.ts';

export type RelayRefusal = 'no-host' | 'unknown-peer' | 'to-required' | 'not-allowed';

export type Route =
  | { readonly ok: true; readonly targets: readonly RoomMember[] }
  | { readonly ok: false; readonly code: RelayRefusal; readonly message: string };

/** What a viewer may say to its host. */
const VIEWER_TYPES: ReadonlySet<RelayType> = new Set(['offer', 'answer', 'candidate', 'control']);

/** Where a message of a `peerdeck.v2` member goes. Pure. */
export function route(room: Room, from: RoomMember, type: RelayType, to?: string): Route {
  return from.role === 'host' ? fromHost(room, type, to) : fromViewer(room, type, to);
}

/** In the original protocol a message goes to all the others. */
export function others(room: Room, peerId: string): RoomMember[] {
  const found: RoomMember[] = [];
  for (const member of room.members.values()) {
    if (member.peerId !== peerId && member.state === 'connected') found.push(member);
  }
  return found;
}

function fromViewer(room: Room, type: RelayType, to?: string): Route {
  if (!VIEWER_TYPES.has(type)) return refuse('not-allowed', `a viewer does not send ${type}`);
  const { host } = room;
  if (to !== undefined && to !== host?.peerId) {
    return room.members.has(to)
      ? refuse('not-allowed', 'a viewer speaks to the host only: leave `to` out')
      : refuse('unknown-peer', 'nobody here has this peer id: leave `to` out');
  }
  if (host === undefined) return refuse('no-host', 'no host is in this room; wait for one');
  if (host.state === 'detached') return refuse('no-host', 'the host is away; wait for its return');
  return { ok: true, targets: [host] };
}

function fromHost(room: Room, type: RelayType, to?: string): Route {
  if (to !== undefined) {
    const target = room.members.get(to);
    if (target === undefined || target.role === 'host') {
      return refuse('unknown-peer', 'no viewer here has this peer id');
    }
    return target.state === 'connected'
      ? { ok: true, targets: [target] }
      : refuse('unknown-peer', 'this viewer is away; wait for its return');
  }
  const viewers = [...room.members.values()].filter((member) => member.role === 'viewer');
  if (type !== 'video-metrics' && viewers.length !== 1) {
    return refuse('to-required', `${viewers.length} viewers are here: name one in \`to\``);
  }
  return { ok: true, targets: viewers.filter((member) => member.state === 'connected') };
}

function refuse(code: RelayRefusal, message: string): Route {
  return { ok: false, code, message };
}
