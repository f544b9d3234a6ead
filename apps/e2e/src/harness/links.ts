import { buildLink, generateRoomCode } from '@peerdeck/protocol';

/** A link that looks like this one, with a code that nobody has. */
export function wrongCodeUrlOf(controlUrl: string): string {
  return buildLink({ page: controlUrl, code: generateRoomCode() });
}
