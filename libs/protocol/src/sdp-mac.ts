import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equalConstantTime, toBase64Url, utf8 } from './bytes.ts';
import type { AccessRole } from './signaling-messages.ts';

/*
 * The texts that offers, answers and transcripts are authenticated by (docs/protocol.md, "SDP
 * authentication"). Every part goes in as a field with its length in front, so that no two
 * different lists of parts give the same bytes. Text parts are UTF-8 as sent; hashes are raw.
 */

export function offerInput(offer: {
  readonly role: AccessRole;
  readonly session: string;
  readonly counter: number;
  readonly viewerNonce: string;
  readonly sdp: string;
}): Uint8Array {
  return concat(
    field('peerdeck/1 offer'),
    field(offer.role),
    field(offer.session),
    field(String(offer.counter)),
    field(offer.viewerNonce),
    field(offer.sdp),
  );
}

export function answerInput(answer: {
  readonly role: AccessRole;
  readonly session: string;
  readonly counter: number;
  readonly viewerNonce: string;
  readonly hostNonce: string;
  readonly offerHash: Uint8Array;
  readonly sdp: string;
}): Uint8Array {
  return concat(
    field('peerdeck/1 answer'),
    field(answer.role),
    field(answer.session),
    field(String(answer.counter)),
    field(answer.viewerNonce),
    field(answer.hostNonce),
    field(answer.offerHash),
    field(answer.sdp),
  );
}

/** What both sides saw in the first exchange of a session. */
export interface Transcript {
  readonly session: string;
  readonly viewerNonce: string;
  readonly hostNonce: string;
  readonly offerHash: Uint8Array;
  readonly answerHash: Uint8Array;
}

export function transcriptInput(side: 'viewer' | 'host', transcript: Transcript): Uint8Array {
  return concat(
    field('peerdeck/1 transcript'),
    field(side),
    field(transcript.session),
    field(transcript.viewerNonce),
    field(transcript.hostNonce),
    field(transcript.offerHash),
    field(transcript.answerHash),
  );
}

/** HMAC-SHA256 (RFC 2104), base64url. */
export function mac(key: Uint8Array, input: Uint8Array): string {
  return toBase64Url(hmac(sha256, key, input));
}

/** Compares as text, in constant time: only the one canonical spelling is right. */
export function macMatches(key: Uint8Array, input: Uint8Array, given: string): boolean {
  return equalConstantTime(utf8(mac(key, input)), utf8(given));
}

export function sdpHash(sdp: string): Uint8Array {
  return sha256(utf8(sdp));
}

function field(part: string | Uint8Array): Uint8Array {
  const bytes = typeof part === 'string' ? utf8(part) : part;
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, bytes.length, false);
  return concat(size, bytes);
}
