import type { KeyObject } from 'node:crypto';

/** Signatures by a shared secret (RFC 7518, 3.2), and the bytes that the secret needs. */
export const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

/** Signatures by a key pair (RFC 7518, 3.3 to 3.5; RFC 8037). */
const PUBLIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];

/** `none` is not among them, and cannot be configured. */
export const ALGORITHMS: readonly string[] = [...Object.keys(SECRET_BYTES), ...PUBLIC, 'EdDSA'];

export function isSecretAlgorithm(algorithm: string): boolean {
  return algorithm in SECRET_BYTES;
}

/** RFC 7518, 3.3: a shorter RSA key must not be used. */
const MIN_RSA_BITS = 2048;

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/** The algorithms that a public key can verify, the usual one first; none: a key of no use. */
export function algorithmsOf(key: KeyObject): readonly string[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa') {
    return (details?.modulusLength ?? 0) < MIN_RSA_BITS ? [] : PUBLIC.slice(0, 6);
  }
  if (type === 'ed25519') return ['EdDSA'];
  const curve = type === 'ec' ? CURVES[details?.namedCurve ?? ''] : undefined;
  return curve === undefined ? [] : [curve];
}
