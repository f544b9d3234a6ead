import { buildLink, deriveControl, generateRoomCode, parseLink } from '@peerdeck/protocol';

/** The view link that belongs to a control link. */
export function viewUrlOf(controlUrl: string): string {
  const parsed = parseLink(controlUrl);
  if (!parsed.ok) throw new Error(parsed.message);
  const { code, hostKeyHash, signalingUrl } = parsed.invitation;
  return buildLink({
    page: controlUrl,
    code: deriveControl(code).viewCode,
    ...(hostKeyHash === undefined ? {} : { hostKeyHash }),
    ...(signalingUrl === undefined ? {} : { signalingUrl }),
  });
}

/** A link that looks like this one, with a code that nobody has. */
export function wrongCodeUrlOf(controlUrl: string): string {
  return buildLink({ page: controlUrl, code: generateRoomCode() });
}
