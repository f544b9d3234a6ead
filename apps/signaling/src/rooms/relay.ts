import type { OutgoingRelay, RelayType } from '@peerdeck/protocol';
import type { Room, RoomMember } from './room.ts';

export type RelayRefusal = 'no-host' | 'unknown-peer' | 'to-required' | 'not-allowed';

export type Route =
  | { readonly ok: true; readonly targets: readonly RoomMember[] }
  | { readonly ok: false; readonly code: RelayRefusal; readonly message: string };

/** What a viewer may say to its host. */
const VIEWER_TYPES: ReadonlySet<RelayType> = new Set(['offer', 'answer', 'candidate', 'control']);

/** Longer texts are written anew: white space between their parts is not carried to anybody. */
const MAX_AS_IT_IS = 2048;

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

/**
 * What the receiver reads: the sender's own text with `from` in the place of `to`, where the text
 * says nothing but the message that was understood (`exact`; else undefined) and is short. Otherwise it is written anew, so
 * that nobody hears what was not checked, nor a `from` that the sender made up. (Of a key that is
 * there twice JSON.parse takes the last, here and at the receiver.)
 */
export function receivedText(
  exact: string | undefined,
  { to, ...message }: OutgoingRelay,
  from: string,
): string {
  if (exact !== undefined && exact.length <= MAX_AS_IT_IS) {
    // Only white space follows the last brace, so what stands before it is a member of the root.
    const end = exact.lastIndexOf('}');
    if (to === undefined) return `${exact.slice(0, end)},"from":"${from}"}`;
    const last = `,"to":"${to}"`;
    if (exact.endsWith(last, end) && isOnly(exact, end - last.length + 1)) {
      return `${exact.slice(0, end - last.length)},"from":"${from}"}`;
    }
    // As hosts write it.
    const type = `{"type":"${message.type}",`;
    const first = `${type}"to":"${to}",`;
    if (exact.startsWith(first)) return `${type}"from":"${from}",${exact.slice(first.length)}`;
  }
  return JSON.stringify({ ...message, from });
}

/**
 * Whether the `to` at `index` is the first in the text: JSON.parse takes the last, so one that stood
 * before it was not checked, and would come to light. Escapes may spell it otherwise.
 */
function isOnly(text: string, index: number): boolean {
  return text.indexOf('"to"') === index && !text.includes('\\u');
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
