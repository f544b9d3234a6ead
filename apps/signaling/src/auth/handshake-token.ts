import type { IncomingMessage } from 'node:http';

/** A page cannot set headers, and what is in a URL ends in logs: a token as a subprotocol. */
export const TOKEN_SUBPROTOCOL = 'peerdeck.token.';

/** The token among the subprotocols of a `peerdeck.v2` handshake. It is never answered back. */
export function subprotocolToken(asked: ReadonlySet<string>): string | undefined {
  for (const name of asked) {
    if (name.startsWith(TOKEN_SUBPROTOCOL)) return name.slice(TOKEN_SUBPROTOCOL.length);
  }
  return undefined;
}

/** The token of an original client: `Authorization: Bearer` (RFC 6750), or `token` in the URL. */
export function originalToken(
  request: Pick<IncomingMessage, 'headers' | 'url'>,
): string | undefined {
  const bearer = /^bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const url = request.url ?? '';
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  return new URLSearchParams(query).get('token') ?? undefined;
}
