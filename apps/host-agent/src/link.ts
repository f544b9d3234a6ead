import { buildLink, deriveControl, hostKeyHash } from '@peerdeck/protocol';
import { renderUnicodeCompact } from 'uqr';
import type { Identity } from './identity.ts';

/** What a host hands out. Secrets: for the owner's eyes, never for a log. */
export interface Links {
  readonly roomCode: string;
  readonly viewCode: string;
  /** Opens the page with control. */
  readonly viewerUrl: string;
  /** Opens it to look only. */
  readonly viewUrl: string;
  readonly hostKeyHash: string;
}

/** `webUrl` empty: the page is served where signaling is. */
export function makeLinks(options: {
  readonly identity: Identity;
  readonly signalingUrl: string;
  readonly webUrl: string;
}): Links {
  const { identity, signalingUrl, webUrl } = options;
  const page = pageUrl(signalingUrl, webUrl);
  const { viewCode } = deriveControl(identity.code);
  const hash = hostKeyHash(identity.hostKey.publicKey);
  const link = (code: string): string =>
    buildLink({
      page,
      code,
      hostKeyHash: hash,
      ...(isBeside(page, signalingUrl) ? {} : { signalingUrl }),
    });
  return {
    roomCode: identity.code,
    viewCode,
    viewerUrl: link(identity.code),
    viewUrl: link(viewCode),
    hostKeyHash: hash,
  };
}

function pageUrl(signalingUrl: string, webUrl: string): string {
  if (webUrl !== '') return new URL(webUrl).href;
  const url = new URL(signalingUrl);
  return `${url.protocol === 'wss:' ? 'https:' : 'http:'}//${url.host}${new URL('.', url).pathname}`;
}

/** The page then finds signaling by itself, at its own host and below its own path. */
function isBeside(page: string, signalingUrl: string): boolean {
  const a = new URL(page);
  const b = new URL(signalingUrl);
  const secure = (a.protocol === 'https:') === (b.protocol === 'wss:');
  return secure && a.host === b.host && b.pathname === new URL('.', a).pathname;
}

/** For a terminal: two modules a character. */
export function qrCode(text: string): string {
  return renderUnicodeCompact(text, { border: 2 });
}
