import { isIP } from 'node:net';
import { SECRET_BYTES, isSecretAlgorithm } from './algorithms.ts';

/** The configuration of authentication as the environment gives it. */
export interface AuthConfig {
  readonly ENABLE_AUTH: boolean;
  readonly JWT_SECRET: string;
  readonly JWT_PUBLIC_KEY_FILE: string;
  readonly JWT_JWKS_URL: string;
  readonly JWT_ALGORITHMS: readonly string[];
  readonly JWT_ISSUER: string;
  readonly JWT_AUDIENCE: string;
  readonly JWT_CLOCK_SKEW_S: number;
}

export interface AuthFault {
  readonly variable: 'ENABLE_AUTH' | 'JWT_SECRET' | 'JWT_JWKS_URL' | 'JWT_ALGORITHMS';
  readonly value: string;
  readonly allowed: string;
}

const KEY_SOURCES = ['JWT_SECRET', 'JWT_PUBLIC_KEY_FILE', 'JWT_JWKS_URL'] as const;

/**
 * The first thing that is wrong with the variables taken together; undefined: nothing.
 *
 * One source of keys, and algorithms of its kind only: a public key can never be taken for the
 * secret of an HS signature, whatever a token's header says.
 */
export function authFault(config: AuthConfig): AuthFault | undefined {
  const sources = KEY_SOURCES.filter((name) => config[name] !== '');
  if (config.ENABLE_AUTH && sources.length !== 1) {
    const allowed =
      `true with exactly one of ${KEY_SOURCES.join(', ')}, of which ` +
      (sources.length === 0 ? 'none is set' : `${sources.join(' and ')} are set`);
    return { variable: 'ENABLE_AUTH', value: 'true', allowed };
  }
  if (config.JWT_JWKS_URL !== '' && !isKeySetUrl(config.JWT_JWKS_URL)) {
    const allowed = 'an https:// address without user and password, or http:// on this machine';
    return { variable: 'JWT_JWKS_URL', value: config.JWT_JWKS_URL, allowed };
  }
  return algorithmFault(config, sources) ?? secretFault(config);
}

function algorithmFault(
  { JWT_ALGORITHMS: chosen }: AuthConfig,
  sources: readonly string[],
): AuthFault | undefined {
  const value = chosen.join(',');
  const secret = chosen.filter(isSecretAlgorithm);
  if (secret.length > 0 && secret.length < chosen.length) {
    const allowed = 'HS… algorithms or the others, never both kinds';
    return { variable: 'JWT_ALGORITHMS', value, allowed };
  }
  if (chosen.length === 0 || sources.length === 0) return undefined;
  const bySecret = sources.includes('JWT_SECRET');
  if (bySecret === secret.length > 0) return undefined;
  const allowed = bySecret
    ? `${Object.keys(SECRET_BYTES).join(', ')} with JWT_SECRET`
    : `RS…, PS…, ES… or EdDSA with ${sources.join(', ')}`;
  return { variable: 'JWT_ALGORITHMS', value, allowed };
}

function secretFault({ JWT_SECRET, JWT_ALGORITHMS }: AuthConfig): AuthFault | undefined {
  if (JWT_SECRET === '') return undefined;
  const bytes = Buffer.byteLength(JWT_SECRET);
  const needed = secretBytes(JWT_ALGORITHMS);
  if (bytes >= needed) return undefined;
  const allowed = `a secret of at least ${needed} bytes (this one has ${bytes}); make one with: openssl rand -base64 48`;
  return { variable: 'JWT_SECRET', value: '', allowed };
}

/** RFC 7518, 3.2: a secret is at least as long as the hash. */
function secretBytes(algorithms: readonly string[]): number {
  return Math.max(32, ...algorithms.map((name) => SECRET_BYTES[name] ?? 0));
}

/** Keys that come in the clear could be anybody's. */
function isKeySetUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  const local =
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'));
  return protocol === 'http:' && local;
}
