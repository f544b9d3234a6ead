import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { randomBytes } from '@noble/hashes/utils.js';
import { fromBase64Url, toBase64Url, utf8 } from './bytes.ts';
import type { RandomSource } from './room-code.ts';

/*
 * The host's long-lived Ed25519 key (RFC 8032): it holds the room's host slot at the signaling
 * service, and signs answers, so that one viewer can't play host to another.
 */

export interface HostKey {
  /** 32 bytes; on the host's disk only. */
  readonly secretKey: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

export function generateHostKey(random: RandomSource = randomBytes): HostKey {
  return hostKeyFromSecret(random(32));
}

/** Throws RangeError unless `secretKey` has 32 bytes. */
export function hostKeyFromSecret(secretKey: Uint8Array): HostKey {
  if (secretKey.length !== 32) {
    throw new RangeError(`a host key has 32 bytes, not ${secretKey.length}`);
  }
  return { secretKey, publicKey: ed25519.getPublicKey(secretKey) };
}

/** What a link carries in `h`: the first 16 bytes of SHA-256 of the public key, base64url. */
export function hostKeyHash(publicKey: Uint8Array): string {
  return toBase64Url(sha256(publicKey).subarray(0, 16));
}

/** `hostSignature` of a join. `challenge` comes from `hello`, `room` is the room id. */
export function signHostSlot(challenge: string, room: string, key: HostKey): string {
  return sign(hostSlotText(challenge, room), key);
}

/** Checks a join's `hostSignature` by its `hostKey`, both base64url. Never throws. */
export function verifyHostSlot(options: {
  readonly challenge: string;
  readonly room: string;
  readonly hostKey: string;
  readonly hostSignature: string;
}): boolean {
  const { challenge, room, hostKey, hostSignature } = options;
  return verify(hostSlotText(challenge, room), hostKey, hostSignature);
}

/** base64url of the signature over `message`. */
export function sign(message: Uint8Array, key: HostKey): string {
  return toBase64Url(ed25519.sign(message, key.secretKey));
}

/** `publicKey` and `signature` are base64url. False for anything that is not right. */
export function verify(message: Uint8Array, publicKey: string, signature: string): boolean {
  const key = fromBase64Url(publicKey);
  const bytes = fromBase64Url(signature);
  if (key?.length !== 32 || bytes?.length !== 64) return false;
  try {
    // Not ZIP-215: one key and message have one valid signature.
    return ed25519.verify(bytes, message, key, { zip215: false });
  } catch {
    return false;
  }
}

function hostSlotText(challenge: string, room: string): Uint8Array {
  return utf8(`peerdeck/1 host slot\n${challenge}\n${room}`);
}
