import { createHash } from 'node:crypto';
import type { JoinRequest } from '../../rooms/room.ts';

/** Redis never has the tokens themselves: who reads it can take nobody's place. */
export function hashTokens(request: JoinRequest): JoinRequest {
  const { resume, resumeFrom, ...rest } = request;
  return {
    ...rest,
    resume: hash(resume),
    ...(resumeFrom === undefined ? {} : { resumeFrom: hash(resumeFrom) }),
  };
}

function hash(token: string): string {
  return token === '' ? '' : createHash('sha256').update(token).digest('base64url');
}
