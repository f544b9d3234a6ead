import { BlockList } from 'node:net';
import { admit, chooseSubprotocol, originAllowed } from './admission.ts';
import { clientAddress, limitKey } from './client-address.ts';
import { parseConfig } from '../config/config.ts';

const rules = { REQUIRE_WSS: false, ALLOWED_ORIGINS: [], SUBPROTOCOL: '' };
const handshake = (url: string, subprotocols: string[] = [], secure = false) => ({
  url,
  origin: undefined,
  subprotocols: new Set(subprotocols),
  secure,
});

describe('admission', () => {
  test('by subprotocol', () => {
    expect(admit(handshake('/', ['peerdeck.v2']), rules)).toEqual({ ok: true, version: 'v2' });
    expect(admit(handshake('/?roomId=A_b-1:2.3'), rules)).toEqual({
      ok: true,
      version: 'original',
      room: 'A_b-1:2.3',
    });
    expect(admit(handshake('/?roomId=a', ['mqtt']), rules)).toMatchObject({
      ok: false,
      reason: 'subprotocol',
    });
    const own = { ...rules, SUBPROTOCOL: 'acme' };
    expect(admit(handshake('/?roomId=a'), own)).toMatchObject({ reason: 'subprotocol' });
    expect(admit(handshake('/?roomId=a', ['x', 'acme']), own)).toMatchObject({ ok: true });
    expect(chooseSubprotocol(new Set(['acme', 'peerdeck.v2']), own)).toBe('peerdeck.v2');
    expect(chooseSubprotocol(new Set(['acme']), own)).toBe('acme');
    expect(chooseSubprotocol(new Set(['acme']), rules)).toBeUndefined();
  });

  test('plain ws where wss is asked for', () => {
    const strict = { ...rules, REQUIRE_WSS: true };
    expect(admit(handshake('/', ['peerdeck.v2']), strict)).toMatchObject({
      code: 1008,
      reason: 'insecure',
    });
    expect(admit(handshake('/', ['peerdeck.v2'], true), strict)).toMatchObject({ ok: true });
  });

  test.each([
    ['https://play.example.com', true],
    ['https://play.example.com:443', true],
    ['https://PLAY.example.com', true],
    ['http://play.example.com', false],
    ['https://play.example.com:444', false],
    ['https://a.apps.example.com', true],
    ['https://a.b.apps.example.com', true],
    ['https://apps.example.com', false],
    ['https://evilapps.example.com', false],
    ['http://localhost:5173', true],
    ['http://localhost', false],
    ['null', false],
    ['', false],
    ['https://play.example.com.', false],
    ['https://play.example.com@evil.example', false],
    ['https://evil.example/https://play.example.com', false],
    ['https://evil.example#https://play.example.com', false],
    ['https://play.example.com, https://evil.example', false],
    ['https://.apps.example.com', false],
    ['https://..apps.example.com', false],
    ['https://a..apps.example.com', false],
    ['https://apps.example.com.', false],
    ['wss://play.example.com', false],
    ['file://', false],
    ['https://xn--bcher-kva.example', true],
    ['https://b\u00fccher.example', true],
    ['https://bucher.example', false],
    ['https://[2001:db8::1]:8443', true],
    ['https://[2001:0db8:0:0::1]:8443', true],
    ['https://[2001:db8::1]', false],
    ['https://[2001:db8::2]:8443', false],
    ['https://192.0.2.7', true],
    ['https://0xc0.0.2.7', true],
    ['https://192.0.2.70', false],
  ])('origin %s: %s', (origin, allowed) => {
    const { ALLOWED_ORIGINS } = parseConfig({
      ALLOWED_ORIGINS:
        'https://play.example.com,https://*.apps.example.com,http://localhost:5173,' +
        'https://b\u00fccher.example,https://[2001:db8::1]:8443,https://192.0.2.7',
    });
    expect(originAllowed(origin, ALLOWED_ORIGINS)).toBe(allowed);
  });

  test('no list allows any origin; no Origin is no browser', () => {
    expect(originAllowed('https://any.example', [])).toBe(true);
    const { ALLOWED_ORIGINS } = parseConfig({ ALLOWED_ORIGINS: 'https://a.example' });
    expect(originAllowed(undefined, ALLOWED_ORIGINS)).toBe(true);
  });
});

describe('the client’s address', () => {
  const trusted = new BlockList();
  trusted.addSubnet('10.0.0.0', 8);
  trusted.addAddress('2001:db8::1', 'ipv6');
  trusted.addSubnet('fe80::', 10, 'ipv6');
  const from = (remoteAddress: string, forwardedFor?: string, forwardedProto?: string) =>
    clientAddress({ remoteAddress, encrypted: false, forwardedFor, forwardedProto }, trusted);

  test.each([
    ['no proxy', '203.0.113.5', '1.1.1.1', '203.0.113.5'],
    ['one proxy', '10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['a forged entry on the left', '10.0.0.1', '1.1.1.1, 203.0.113.5', '203.0.113.5'],
    ['two proxies', '10.0.0.1', '1.1.1.1, 203.0.113.5, 10.0.0.2', '203.0.113.5'],
    ['only proxies', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['rubbish', '10.0.0.1', 'rubbish, 10.0.0.2', '10.0.0.2'],
    ['no header', '10.0.0.1', undefined, '10.0.0.1'],
    ['IPv4 in IPv6', '::ffff:10.0.0.1', '::ffff:203.0.113.5', '203.0.113.5'],
    ['an IPv6 proxy', '2001:db8::1', '2001:db8:1::9', '2001:db8:1::9'],
    ['a port', '10.0.0.1', '203.0.113.5:4711', '203.0.113.5'],
    ['a port after IPv6', '10.0.0.1', '[2001:db8:1::9]:4711', '2001:db8:1::9'],
    ['brackets', '10.0.0.1', '[2001:db8:1::9]', '2001:db8:1::9'],
    ['IPv4 in IPv6, in hexadecimal', '10.0.0.1', '::ffff:cb00:7105', '203.0.113.5'],
    ['IPv4 in IPv6, at full length', '10.0.0.1', '0:0:0:0:0:FFFF:203.0.113.5', '203.0.113.5'],
    ['IPv6 written at length', '10.0.0.1', '2001:0DB8:0001:0:0:0:0:9', '2001:db8:1::9'],
    [
      'a trusted IPv6 proxy written at length',
      '10.0.0.1',
      '203.0.113.5, 2001:db8:0::0:1',
      '203.0.113.5',
    ],
    ['empty entries', '10.0.0.1', '203.0.113.5,,', '10.0.0.1'],
    ['nothing but commas', '10.0.0.1', ',,,', '10.0.0.1'],
    ['a port without an address', '10.0.0.1', ':4711', '10.0.0.1'],
    ['a name', '10.0.0.1', 'localhost', '10.0.0.1'],
    ['unknown', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['a number that URLs take for an address', '10.0.0.1', '3405803781', '10.0.0.1'],
    ['a scope', 'fe80::1%eth0', '203.0.113.5', '203.0.113.5'],
    ['spaces', '10.0.0.1', '  203.0.113.5  ', '203.0.113.5'],
    ['a thousand proxies', '10.0.0.1', `203.0.113.5${', 10.0.0.9'.repeat(1000)}`, '203.0.113.5'],
  ])('%s', (_name, peer, header, ip) => {
    expect(from(peer, header).ip).toBe(ip);
  });

  test('https is believed from a trusted proxy only, and from the nearest', () => {
    expect(from('203.0.113.5', undefined, 'https').secure).toBe(false);
    expect(from('10.0.0.1', undefined, 'https').secure).toBe(true);
    expect(from('10.0.0.1', undefined, 'https, http').secure).toBe(false);
    expect(from('10.0.0.1').secure).toBe(false);
  });

  test('limits count an IPv6 /64 as one', () => {
    expect(limitKey('2001:db8:1:2::1')).toBe(limitKey('2001:0DB8:1:2:ffff::9'));
    expect(limitKey('2001:db8:1:3::1')).not.toBe(limitKey('2001:db8:1:2::1'));
    expect(limitKey('::1')).toBe('0:0:0:0');
    expect(limitKey('203.0.113.5')).toBe('203.0.113.5');
    expect(limitKey('fe80::1%eth0')).toBe(limitKey('fe80::2%eth1'));
  });
});
