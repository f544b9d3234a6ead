import { createSecretKey, type KeyObject } from 'node:crypto';
import { SignJWT, type CryptoKey, type JWTPayload } from 'jose';

export const SECRET = 'a secret of the tests, 32 bytes or more';

/** Seconds since 1970 at the start of a ManualClock. */
export const START_S = 1_893_456_001;

export interface TokenRequest {
  readonly claims?: JWTPayload;
  /** Claims to leave out. */
  readonly without?: readonly string[];
  readonly alg?: string;
  readonly kid?: string;
  readonly key?: KeyObject | CryptoKey;
}

/** A token that allows everything for a minute, but for what the test says. */
export function sign({
  claims = {},
  without = [],
  alg = 'HS256',
  kid,
  key = createSecretKey(Buffer.from(SECRET)),
}: TokenRequest = {}): Promise<string> {
  const all: JWTPayload = {
    rooms: ['*'],
    role: ['host', 'viewer'],
    exp: START_S + 60,
    ...claims,
  };
  const kept = Object.entries(all).filter(([name]) => !without.includes(name));
  return new SignJWT(Object.fromEntries(kept))
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(key);
}

/** `alg: none` (RFC 7519, 6): what no library signs. */
export function unsigned(claims: JWTPayload): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
