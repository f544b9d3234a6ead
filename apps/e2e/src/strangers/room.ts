import { deriveViewer, parseLink } from '@peerdeck/protocol';
import type { Invitation } from '@peerdeck/protocol';

import type { Stack } from '@peerdeck/harness/stack';

/** What a link says to whoever has it. */
export function invitationOf(link: string): Invitation {
  const parsed = parseLink(link);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.invitation;
}

/** Where a stranger finds the room: any link gives it, also one that only shows. */
export function roomOf({ signaling, host }: Stack): { url: string; room: string } {
  const { roomId } = deriveViewer(invitationOf(host.viewUrl).code);
  return { url: `ws://127.0.0.1:${signaling.port}/`, room: roomId };
}
