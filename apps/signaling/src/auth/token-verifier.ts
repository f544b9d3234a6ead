import { LIMITS } from '@peerdeck/protocol';
import { errors, jwtVerify, type JWTVerifyGetKey, type JWTPayload } from 'jose';
import type { Clock } from '../base/clock.ts';
import { readGrant, type Grant } from './grant.ts';
import { KeysUnavailable } from './key-set.ts';

/** Why a token is not taken; `ok` and these are the values of the metric's label. */
export type TokenFault =
  | 'missing'
  | 'malformed'
  | 'algorithm'
  | 'signature'
  | 'unknown-key'
  | 'expired'
  | 'no-expiry'
  | 'not-yet-valid'
  | 'issuer'
  | 'audience'
  | 'claims'
  | 'keys-unavailable';

export type Verdict =
  { readonly ok: true; readonly grant: Grant; readonly claims: JWTPayload } | RefusedToken;

/** What is known of a token that is not taken, for whoever has to put it right. */
export interface RefusedToken {
  readonly ok: false;
  readonly fault: TokenFault;
  /** Seconds since it ended, or until it is valid, by the clock of this machine. */
  readonly awayS?: number;
  /** Of a token whose signature is good only: anybody can write into another one. */
  readonly claims?: JWTPayload;
}

export interface TokenVerifierOptions {
  /** By the header of a token whose algorithm is one of `algorithms`. */
  readonly key: JWTVerifyGetKey;
  /** Never empty, and never of both kinds (auth-config.ts). */
  readonly algorithms: readonly string[];
  /** '' for any. */
  readonly issuer: string;
  readonly audience: string;
  readonly skewS: number;
  readonly clock: Clock;
}

/** Whether a JWT (RFC 7519) is genuine, and what it grants. What is not proven is refused. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;

  constructor(options: TokenVerifierOptions) {
    if (options.algorithms.length === 0) throw new RangeError('algorithms must name one');
    this.#options = options;
  }

  async verify(token: string | undefined): Promise<Verdict> {
    if (token === undefined || token === '') return { ok: false, fault: 'missing' };
    if (token.length > LIMITS.token) return { ok: false, fault: 'malformed' };
    const { key, algorithms, issuer, audience, skewS, clock } = this.#options;
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, key, {
        algorithms: [...algorithms],
        requiredClaims: ['exp'],
        clockTolerance: skewS,
        currentDate: new Date(clock.epoch()),
        ...(issuer === '' ? {} : { issuer }),
        ...(audience === '' ? {} : { audience }),
      });
      claims = verified.payload;
    } catch (error) {
      return refused(error, clock.epoch() / 1000);
    }
    const grant = readGrant(claims, ((claims.exp ?? 0) + skewS) * 1000);
    return grant === undefined
      ? { ok: false, fault: 'claims', claims }
      : { ok: true, grant, claims };
  }
}

function refused(error: unknown, nowS: number): RefusedToken {
  const fault = faultOf(error);
  // The library looks at claims after the signature, never before.
  if (!(error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed)) {
    return { ok: false, fault };
  }
  const claims = error.payload;
  const at = fault === 'expired' ? claims.exp : fault === 'not-yet-valid' ? claims.nbf : undefined;
  if (at === undefined) return { ok: false, fault, claims };
  return { ok: false, fault, claims, awayS: Math.max(1, Math.round(Math.abs(nowS - at))) };
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof KeysUnavailable) return 'keys-unavailable';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return claimFault(error);
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return 'unknown-key';
  }
  if (error instanceof errors.JOSEError) return 'malformed';
  // A key of the set that cannot be used with this algorithm.
  return 'unknown-key';
}

function claimFault({ claim, reason }: errors.JWTClaimValidationFailed): TokenFault {
  switch (claim) {
    case 'exp':
      return reason === 'missing' ? 'no-expiry' : 'malformed';
    case 'nbf':
      return reason === 'check_failed' ? 'not-yet-valid' : 'malformed';
    case 'iss':
      return 'issuer';
    case 'aud':
      return 'audience';
    default:
      return 'malformed';
  }
}
