import { BASE64URL_16 } from './identifiers.ts';
import { LIMITS } from './limits.ts';
import { parseRoomCode, type RoomCode } from './room-code.ts';

/** What a host hands out: a code alone, or a link that carries it and more. */
export interface Invitation {
  readonly code: RoomCode;
  /** base64url of 16 bytes (host-key.ts): the viewer accepts only this host. */
  readonly hostKeyHash?: string;
  /** Where signaling is, if not at the page's own origin. */
  readonly signalingUrl?: string;
  /** What the signaling service's operator lets in by. */
  readonly token?: string;
}
export type ParsedInvitation =
  | { readonly ok: true; readonly invitation: Invitation }
  | { readonly ok: false; readonly message: string };

/**
 * A link to `page` (its own fragment is dropped). Everything is in the fragment, which browsers
 * never send. Throws RangeError for a code that is none.
 */
export function buildLink(options: {
  readonly page: string;
  readonly code: RoomCode | string;
  readonly hostKeyHash?: string;
  readonly signalingUrl?: string;
}): string {
  let { code } = options;
  if (typeof code === 'string') {
    const parsed = parseRoomCode(code);
    if (!parsed.ok) throw new RangeError(parsed.error.message);
    code = parsed.code;
  }
  const fragment = new URLSearchParams();
  fragment.set(code.role === 'control' ? 'c' : 'v', code.text);
  if (options.hostKeyHash !== undefined) fragment.set('h', options.hostKeyHash);
  if (options.signalingUrl !== undefined) fragment.set('s', options.signalingUrl);
  return `${options.page.replace(/#.*$/s, '')}#${fragment.toString()}`;
}

/** Reads a link, or its fragment alone (`location.hash`). Never throws. */
export function parseLink(link: string): ParsedInvitation {
  const start = link.indexOf('#');
  if (start < 0) return refuse('The link has no code: the part after # is missing.');
  const text = link.slice(start + 1);
  // A code by itself, as a person writes a link by hand.
  const bare = parseRoomCode(/[=&%]/.test(text) ? '' : text);
  if (bare.ok) return { ok: true, invitation: { code: bare.code } };
  const fragment = new URLSearchParams(text);
  const control = fragment.get('c');
  const view = fragment.get('v');
  if ((control === null) === (view === null)) {
    return refuse('The link has no code, or two: it ends in #c=…, #v=… or #CODE');
  }
  // In a link the letter before the = says the kind; the V- of a view code may be there or not.
  let typed = control ?? view ?? '';
  if (view !== null && typed.replaceAll(/[\s-]/g, '').length <= 16) typed = `V-${typed}`;
  const parsed = parseRoomCode(typed);
  if (!parsed.ok) return refuse(`The link's code is damaged. ${parsed.error.message}`);
  if (parsed.code.role !== (control === null ? 'view' : 'control')) {
    return refuse("The link's code is not of the kind that the link says.");
  }
  const hostKeyHash = fragment.get('h');
  if (hostKeyHash !== null && !BASE64URL_16.test(hostKeyHash)) {
    return refuse("The link's host key (h=) is damaged; ask for the link again.");
  }
  const signalingUrl = fragment.get('s');
  if (signalingUrl !== null && !/^wss?:\/\/[^\s]{1,2048}$/i.test(signalingUrl)) {
    return refuse("The link's signaling address (s=) must start with ws:// or wss://.");
  }
  const token = fragment.get('t');
  if (token !== null && !isToken(token)) {
    return refuse("The link's token (t=) is damaged; ask for the link again.");
  }
  return {
    ok: true,
    invitation: {
      code: parsed.code,
      ...(token === null ? {} : { token }),
      ...(hostKeyHash === null ? {} : { hostKeyHash }),
      ...(signalingUrl === null ? {} : { signalingUrl }),
    },
  };
}

/** Whether a text has the form of a signed JWT (RFC 7515, 7.1); the service says if it is good. */
export function isToken(text: string): boolean {
  return text.length <= LIMITS.token && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** What a person put into one field: a code, or a whole link. Never throws. */
export function parseInvitation(text: string): ParsedInvitation {
  if (text.includes('#') || /^\s*\w+:\/\//.test(text)) return parseLink(text);
  const parsed = parseRoomCode(text);
  return parsed.ok ? { ok: true, invitation: { code: parsed.code } } : refuse(parsed.error.message);
}

function refuse(message: string): ParsedInvitation {
  return { ok: false, message };
}
