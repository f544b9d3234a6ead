import { randomBytes } from 'node:crypto';

export interface Random {
  /** Unguessable: `bytes` random bytes as base64url. */
  token(bytes: number): string;
  /** As many random bytes as hex digits. */
  hex(bytes: number): string;
  /** Evenly in [0, 1); for jitter only. */
  fraction(): number;
}

export const systemRandom: Random = {
  token: (bytes) => randomBytes(bytes).toString('base64url'),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  fraction: Math.random,
};
