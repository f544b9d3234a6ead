import { CLOSE, ORIGINAL_ROOM_ID, SUBPROTOCOL_V2 } from '@peerdeck/protocol';
import type { OriginPattern } from '../config/config-fields.ts';

/** What a WebSocket handshake says about its client. */
export interface Handshake {
  /** Path and query as they were sent. Never logged: it may carry a token. */
  readonly url: string;
  readonly origin: string | undefined;
  /** What was asked for by Sec-WebSocket-Protocol. */
  readonly subprotocols: ReadonlySet<string>;
  readonly secure: boolean;
}

export interface AdmissionRules {
  readonly REQUIRE_WSS: boolean;
  readonly ALLOWED_ORIGINS: readonly OriginPattern[];
  readonly SUBPROTOCOL: string;
}

export type RefusalReason = 'insecure' | 'origin' | 'subprotocol' | 'room-id';

export type Admission =
  | { readonly ok: true; readonly version: 'v2' }
  | { readonly ok: true; readonly version: 'original'; readonly room: string }
  | {
      readonly ok: false;
      readonly code: number;
      readonly reason: RefusalReason;
      /** For the close frame: at most 123 bytes (RFC 6455, 5.5). */
      readonly text: string;
    };

/** Who gets in, and by which version of the protocol. Pure. */
export function admit(handshake: Handshake, rules: AdmissionRules): Admission {
  if (rules.REQUIRE_WSS && !handshake.secure) return refuse('insecure', 'WSS required');
  if (!originAllowed(handshake.origin, rules.ALLOWED_ORIGINS)) {
    return refuse('origin', 'Origin not allowed');
  }
  if (handshake.subprotocols.has(SUBPROTOCOL_V2)) return { ok: true, version: 'v2' };
  const asked = handshake.subprotocols;
  if (rules.SUBPROTOCOL === '' ? asked.size > 0 : !asked.has(rules.SUBPROTOCOL)) {
    return refuse('subprotocol', 'Subprotocol not supported');
  }
  const room = new URLSearchParams(queryOf(handshake.url)).get('roomId') ?? '';
  if (!ORIGINAL_ROOM_ID.test(room)) return refuse('room-id', 'Invalid roomId');
  return { ok: true, version: 'original', room };
}

/** Which subprotocol the handshake's answer names; undefined: none. */
export function chooseSubprotocol(
  asked: ReadonlySet<string>,
  rules: Pick<AdmissionRules, 'SUBPROTOCOL'>,
): string | undefined {
  if (asked.has(SUBPROTOCOL_V2)) return SUBPROTOCOL_V2;
  return rules.SUBPROTOCOL !== '' && asked.has(rules.SUBPROTOCOL) ? rules.SUBPROTOCOL : undefined;
}

/** Browsers always send an Origin; what sends none is no page that could be lured here. */
export function originAllowed(
  origin: string | undefined,
  allowed: readonly OriginPattern[],
): boolean {
  if (origin === undefined || allowed.length === 0) return true;
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return allowed.some(
    (pattern) =>
      pattern.scheme === url.protocol &&
      pattern.port === url.port &&
      (pattern.subdomains ? isBelow(url.hostname, pattern.host) : url.hostname === pattern.host),
  );
}

/** With a name before the dot: what has an empty one is no host. */
function isBelow(hostname: string, host: string): boolean {
  return hostname.endsWith(`.${host}`) && !/(^|\.)$/.test(hostname.slice(0, -host.length - 1));
}

function queryOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start + 1);
}

function refuse(reason: RefusalReason, text: string): Admission {
  return { ok: false, code: CLOSE.policy, reason, text };
}
