import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LIMITS } from './limits.ts';

const native = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../native/${path}`, import.meta.url)), 'utf8');

test('an offer that passes the service is one that the native library reads', () => {
  const source = native('pion_webrtc/internal/peer/signaling.go');
  const [, factor = '', shift = ''] = /\bmaxOffer\s*=\s*(\d+) << (\d+)/.exec(source) ?? [];
  expect(Number(factor) * 2 ** Number(shift)).toBe(LIMITS.sdpBytes);
});
