import type { PeerLike } from './connection-options.ts';
import type { Problem } from './viewer-state.ts';

/** What an attempt waits for. */
export type Step = 'answer' | 'path' | 'proof';

/** Why a path was not found, or nobody was at its end. */
export function pathProblem(peer: PeerLike | undefined, step: Step): Problem {
  const ice = peer?.iceReport ?? { local: [], remote: [], servers: [] };
  const connected = step === 'proof' || peer?.state === 'connected';
  return connected ? { kind: 'no-answer' } : { kind: 'no-path', ice };
}

/** Why signaling does not come back by itself. `error`: the code of its last fatal error. */
export function problemOfClose(close: {
  readonly code: number;
  readonly reason: string;
  readonly error: string | undefined;
  readonly url: string;
}): Problem {
  const detail = close.reason;
  switch (close.error) {
    case 'room-full':
      return { kind: 'room-full' };
    case 'replaced':
      return { kind: 'replaced' };
    case 'kicked':
      return { kind: 'kicked' };
    case 'unauthorized':
    case 'forbidden':
      return { kind: 'unauthorized', detail };
    default:
      break;
  }
  switch (close.code) {
    case 4009:
      return { kind: 'room-full' };
    case 4010:
      return { kind: 'replaced' };
    case 4016:
      return { kind: 'kicked' };
    case 4001:
    case 4003:
      return { kind: 'unauthorized', detail };
    default:
      return { kind: 'signaling', url: close.url, detail };
  }
}

/** What a host's refusal means. `retry`: the same offer may be taken later. */
export function problemOfReject(
  code: string,
  message: string,
): { readonly problem: Problem; readonly retry: boolean } {
  switch (code) {
    case 'not-authenticated':
      return { problem: { kind: 'wrong-code' }, retry: false };
    case 'host-full':
      return { problem: { kind: 'host-full' }, retry: false };
    case 'no-common-codec':
      return { problem: { kind: 'no-codec' }, retry: false };
    case 'declined':
      return { problem: { kind: 'declined' }, retry: false };
    default:
      return {
        problem: { kind: 'host-error', detail: message },
        retry: code === 'internal' || code === 'rate-limited',
      };
  }
}
