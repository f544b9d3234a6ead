import type { Clock } from '../base/clock.ts';
import { roomTag, type Logger } from '../base/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { missingFrom, type Grant, type Wanted } from './grant.ts';
import type { JWTPayload } from 'jose';
import type { RefusedToken, TokenFault, TokenVerifier } from './token-verifier.ts';

export type AuthFault = TokenFault | 'room' | 'role';

/** Values of the metric's label `result`. */
export type AuthResult = AuthFault | 'ok' | 'expired-connected';

export type AuthRefusal = 'unauthorized' | 'forbidden' | 'unavailable';

export type AuthDecision =
  | { readonly ok: true; readonly grant: Grant }
  | { readonly ok: false; readonly code: AuthRefusal; readonly message: string };

export interface AuthenticatorOptions {
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'authenticated'>;
  readonly log: Pick<Logger, 'info'>;
  /** What tokens should name, for the log; '' for any. */
  readonly expected: { readonly issuer: string; readonly audience: string };
}

type Protocol = 'original' | 'v2';

/** A timer cannot wait longer (it would fire at once), and the calendar may be set meanwhile. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** Who may enter a room, and for how long. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** `mark`: what the log names the connection by. */
  async decide(
    token: string | undefined,
    wanted: Wanted,
    { protocol, mark }: { readonly protocol: Protocol; readonly mark: object },
  ): Promise<AuthDecision> {
    const { verifier, metrics } = this.#options;
    const verdict = await verifier.verify(token);
    const fault = verdict.ok ? missingFrom(verdict.grant, wanted) : verdict.fault;
    metrics.authenticated(protocol, fault ?? 'ok');
    if (verdict.ok && fault === undefined) return { ok: true, grant: verdict.grant };
    const why = fault ?? 'malformed';
    const { awayS, claims }: Partial<RefusedToken> = verdict.ok
      ? { claims: verdict.claims }
      : verdict;
    const { code, message } = REFUSALS[why];
    const away = awayS === undefined ? '' : ` (${awayS} s by the clock here)`;
    const room = roomTag(wanted.room);
    const asked = wanted.role === undefined ? { room } : { room, role: wanted.role };
    const named = this.#named(why, claims);
    const seconds = awayS === undefined ? {} : { awayS };
    this.#options.log.info(
      { ...mark, fault: why, ...asked, ...seconds, ...named },
      'token refused',
    );
    return { ok: false, code, message: `${message}${away}` };
  }

  /** What the operator compares: never the token, nor the rooms that it opens. */
  #named(fault: AuthFault, claims: JWTPayload | undefined): object {
    if (claims === undefined) return {};
    const { issuer, audience } = this.#options.expected;
    const differs =
      fault === 'issuer'
        ? { issuer: shown(claims.iss), expected: issuer }
        : fault === 'audience'
          ? { audience: shown(claims.aud), expected: audience }
          : {};
    return { subject: shown(claims.sub), ...differs };
  }

  /** Calls back once the grant has ended; the answer cancels it. */
  untilEnd(grant: Grant, protocol: Protocol, ended: () => void): () => void {
    const { clock, metrics } = this.#options;
    const left = () => Math.min(Math.max(0, grant.endsAt - clock.epoch()), LONGEST_WAIT_MS);
    const look = () => {
      if (left() > 0) {
        cancel = clock.after(left(), look);
        return;
      }
      metrics.authenticated(protocol, 'expired-connected');
      ended();
    };
    let cancel = clock.after(left(), look);
    return () => {
      cancel();
    };
  }
}

/** Characters of a claim that the log repeats. */
const MAX_SHOWN = 100;

function shown(claim: unknown): string {
  const text = Array.isArray(claim) ? claim.map(String).join(', ') : claim;
  return typeof text === 'string' ? text.slice(0, MAX_SHOWN) : 'none';
}

/** What a client is told: the remedy, and nothing that helps to forge. */
const REFUSALS: Readonly<
  Record<AuthFault, { readonly code: AuthRefusal; readonly message: string }>
> = {
  missing: { code: 'unauthorized', message: 'this service asks for a token' },
  malformed: { code: 'unauthorized', message: 'the token is not a JWT' },
  algorithm: { code: 'unauthorized', message: 'the token is not valid' },
  signature: { code: 'unauthorized', message: 'the token is not valid' },
  'unknown-key': { code: 'unauthorized', message: 'the token is not valid' },
  expired: { code: 'unauthorized', message: 'the token has expired, get a new one' },
  'no-expiry': { code: 'unauthorized', message: 'the token has no exp claim' },
  'not-yet-valid': { code: 'unauthorized', message: 'the token is not valid yet (nbf)' },
  issuer: { code: 'unauthorized', message: 'the token is from another issuer' },
  audience: { code: 'unauthorized', message: 'the token is for another audience' },
  claims: { code: 'forbidden', message: 'the token needs the claim rooms, an array of texts' },
  'keys-unavailable': { code: 'unavailable', message: 'tokens cannot be checked now' },
  room: { code: 'forbidden', message: 'the token does not allow this room' },
  role: { code: 'forbidden', message: 'the token does not allow this role' },
};

/** Every result that the metric may have; docs/signaling.md lists them. */
export const AUTH_RESULTS: readonly string[] = [
  'ok',
  ...Object.keys(REFUSALS),
  'expired-connected',
];
