import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JWTVerifyGetKey } from 'jose';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { algorithmsOf } from './algorithms.ts';
import type { AuthConfig } from './auth-config.ts';
import { Authenticator } from './authenticator.ts';
import { KeySet } from './key-set.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface AuthParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** A key that cannot be used; the service says it as a fault of the variable. */
export class KeyFileError extends Error {
  readonly variable: 'JWT_PUBLIC_KEY_FILE' | 'JWT_ALGORITHMS';

  constructor(variable: KeyFileError['variable'], allowed: string) {
    super(allowed);
    this.name = 'KeyFileError';
    this.variable = variable;
  }
}

/**
 * What the configuration asks for; undefined: everybody may enter.
 * @throws {KeyFileError} for a key file that cannot be used.
 */
export function createAuthenticator(
  config: AuthConfig,
  { clock, log, metrics }: AuthParts,
): Authenticator | undefined {
  if (!config.ENABLE_AUTH) return undefined;
  const { key, algorithms } = keySource(config, clock, log);
  const verifier = new TokenVerifier({
    key,
    algorithms,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    skewS: config.JWT_CLOCK_SKEW_S,
    clock,
  });
  const expected = { issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE };
  return new Authenticator({ verifier, clock, metrics, log, expected });
}

interface KeySource {
  readonly key: JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

function keySource(config: AuthConfig, clock: Clock, log: Logger): KeySource {
  const { JWT_SECRET, JWT_JWKS_URL, JWT_ALGORITHMS: chosen } = config;
  const or = (usual: string[]) => (chosen.length > 0 ? chosen : usual);
  if (JWT_SECRET !== '') {
    const secret = createSecretKey(Buffer.from(JWT_SECRET));
    return { key: () => secret, algorithms: or(['HS256']) };
  }
  if (JWT_JWKS_URL !== '') {
    const keys = new KeySet({
      url: JWT_JWKS_URL,
      clock,
      fetch: globalThis.fetch,
      onFault: (reason) => {
        log.warn({ reason }, 'the key set of JWT_JWKS_URL cannot be read');
      },
    });
    return { key: (header) => keys.find(header), algorithms: or(['RS256', 'ES256']) };
  }
  const { key, algorithms } = readPublicKey(config.JWT_PUBLIC_KEY_FILE);
  const unfit = chosen.find((name) => !algorithms.includes(name));
  if (unfit !== undefined) {
    const fit = `${algorithms.join(', ')} with the key in JWT_PUBLIC_KEY_FILE`;
    throw new KeyFileError('JWT_ALGORITHMS', fit);
  }
  return { key: () => key, algorithms: or(algorithms.slice(0, 1)) };
}

function readPublicKey(path: string): {
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
} {
  const pem = read(path);
  // A public key could be made of it, but a private key has no business here.
  if (pem.includes('PRIVATE KEY')) {
    throw new KeyFileError('JWT_PUBLIC_KEY_FILE', 'a PEM file with the public key only');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new KeyFileError('JWT_PUBLIC_KEY_FILE', 'a PEM file with a public key');
  }
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) {
    const allowed = 'an RSA key of 2048 bits or more, EC (P-256, P-384, P-521) or Ed25519';
    throw new KeyFileError('JWT_PUBLIC_KEY_FILE', allowed);
  }
  return { key, algorithms };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new KeyFileError('JWT_PUBLIC_KEY_FILE', 'a PEM file that this process may read');
  }
}
