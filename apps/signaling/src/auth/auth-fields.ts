import { choices, flag, integer, text } from '../config/config-fields.ts';
import { ALGORITHMS } from './algorithms.ts';

/** The variables of authentication. */
export const authFields = {
  ENABLE_AUTH: flag(
    false,
    'Ask every client for a JWT. Needs one of JWT_SECRET, JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL.',
  ),
  JWT_SECRET: text(
    '',
    'a secret of at least 32 bytes (HS384: 48, HS512: 64)',
    'Shared key of HS256 tokens.',
    { secret: true },
  ),
  JWT_PUBLIC_KEY_FILE: text(
    '',
    'a PEM file with a public key: RSA of 2048 bits or more, EC or Ed25519',
    'Key of tokens that somebody else signs.',
  ),
  JWT_JWKS_URL: text(
    '',
    'an https:// address, or http:// on this machine',
    'Key set (RFC 7517) of tokens that somebody else signs.',
  ),
  JWT_ALGORITHMS: choices(
    ALGORITHMS,
    'Accepted signatures. Unset: HS256 with JWT_SECRET, what the key is made for with ' +
      'JWT_PUBLIC_KEY_FILE, RS256 and ES256 with JWT_JWKS_URL. HS… only with JWT_SECRET, the ' +
      'others never with it.',
  ),
  JWT_ISSUER: text('', 'a text', 'Demanded `iss`. Unset: any.'),
  JWT_AUDIENCE: text('', 'a text', 'Demanded `aud`. Unset: any.'),
  JWT_CLOCK_SKEW_S: integer(
    0,
    300,
    5,
    'Seconds by which the clocks of issuer and service may differ.',
  ),
};
