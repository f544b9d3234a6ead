import { generateHostKey, parseLink } from '@peerdeck/protocol';
import { makeLinks, qrCode } from './link.ts';

const identity = { code: '0123-4567-89AB-CDEF', hostKey: generateHostKey() };

describe('makeLinks', () => {
  it('leads to the page at the signaling address, with code and host key', () => {
    const links = makeLinks({ identity, signalingUrl: 'wss://peer.example:8443', webUrl: '' });
    expect(links.viewerUrl).toMatch(/^https:\/\/peer\.example:8443\/#c=0123-4567-89AB-CDEF&h=/);
    expect(links.viewerUrl).not.toContain('&s=');
    const view = parseLink(links.viewUrl);
    expect(view.ok && view.invitation.code.role).toBe('view');
    expect(view.ok && view.invitation.hostKeyHash).toBe(links.hostKeyHash);
    expect(view.ok && view.invitation.code.text).toBe(links.viewCode);
  });

  it('names the signaling address where the page is elsewhere', () => {
    const signalingUrl = 'ws://10.0.0.2:3002';
    const links = makeLinks({ identity, signalingUrl, webUrl: 'http://10.0.0.2:4200/app/' });
    const parsed = parseLink(links.viewerUrl);
    expect(links.viewerUrl).toMatch(/^http:\/\/10\.0\.0\.2:4200\/app\/#/);
    expect(parsed.ok && parsed.invitation.signalingUrl).toBe(signalingUrl);
  });

  it('leaves it out where both lie below one path of a proxy, and only there', () => {
    const below = { identity, signalingUrl: 'wss://peer.example/desk/' };
    const links = makeLinks({ ...below, webUrl: 'https://peer.example/desk/' });
    expect(links.viewerUrl).toMatch(/^https:\/\/peer\.example\/desk\/#c=/);
    expect(links.viewerUrl).not.toContain('&s=');
    expect(makeLinks({ ...below, webUrl: '' }).viewerUrl).toBe(links.viewerUrl);
    const other = makeLinks({ ...below, webUrl: 'https://peer.example/' });
    expect(parseLink(other.viewerUrl)).toMatchObject({
      invitation: { signalingUrl: below.signalingUrl },
    });
  });
});

describe('qrCode', () => {
  it('draws a square of block characters', () => {
    const lines = qrCode('http://localhost:3002/#c=0123').split('\n');
    expect(lines.length).toBeGreaterThan(10);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });
});
