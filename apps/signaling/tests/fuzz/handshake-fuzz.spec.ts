import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { admit, chooseSubprotocol, originAllowed } from '../../src/door/admission.ts';
import { originalToken, subprotocolToken } from '../../src/auth/handshake-token.ts';
import { clientAddress, limitKey } from '../../src/door/client-address.ts';
import { ConfigError, VARIABLES, parseConfig } from '../../src/config/config.ts';
import { parseTraceParent } from '../../src/tracing/trace-parent.ts';

/*
 * What reads the headers of a handshake, and the environment: whatever is written there, they
 * answer, and never with more than was granted.
 */

const RUNS = { numRuns: 20_000 };

const part = fc.constantFrom(
  ...[
    'https://',
    'http://',
    'play.example.com',
    'apps.example.com',
    '.',
    ':443',
    ':8443',
    '@',
    '/',
  ],
  ...['[::1]', '%00', '%2e', '*', 'xn--', 'ü', ' ', ',', '\t', '#', '?', 'null', '192.0.2.7', '::'],
);
const pieces = fc.array(part, { maxLength: 8 }).map((all) => all.join(''));
const text = fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 40 }));

test('an origin that is allowed is one of the list, whatever it is written like', () => {
  const { ALLOWED_ORIGINS } = parseConfig({
    ALLOWED_ORIGINS: 'https://play.example.com,https://*.apps.example.com',
  });
  fc.assert(
    fc.property(text, (origin) => {
      if (!originAllowed(origin, ALLOWED_ORIGINS)) return;
      const { protocol, hostname, port } = new URL(origin);
      if (protocol !== 'https:' || port !== '') throw new Error('another scheme or port');
      if (hostname !== 'play.example.com' && !/[^.]\.apps\.example\.com$/.test(hostname)) {
        throw new Error(hostname);
      }
    }),
    RUNS,
  );
});

test('a forged address never counts, nor does what is none', () => {
  const trusted = new BlockList();
  trusted.addSubnet('10.0.0.0', 8);
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((ip) => `${ip}:80`),
    fc.ipV6().map((ip) => `[${ip}]:80`),
    fc.ipV4().map((ip) => `::ffff:${ip}`),
    fc.nat(255).map((last) => `10.0.0.${last}`),
    text,
  );
  fc.assert(
    fc.property(
      fc.array(address, { maxLength: 6 }),
      address,
      fc.boolean(),
      (hops, peer, proxied) => {
        const remoteAddress = proxied ? '10.0.0.1' : peer;
        const source = { remoteAddress, encrypted: false, forwardedProto: undefined };
        const forwardedFor = hops.join(', ');
        const { ip } = clientAddress({ ...source, forwardedFor }, trusted);
        if (isIP(remoteAddress) !== 0 && isIP(ip) === 0) throw new Error(`${ip} is no address`);
        limitKey(ip);
        // Whatever a client writes before the entry of the last proxy changes nothing.
        const honest = clientAddress({ ...source, forwardedFor: '203.0.113.5' }, trusted).ip;
        const forged = { ...source, forwardedFor: `${forwardedFor}, 203.0.113.5` };
        if (clientAddress(forged, trusted).ip !== honest) throw new Error('a forged entry counts');
        const { secure } = clientAddress(
          { ...source, forwardedFor, forwardedProto: 'https' },
          trusted,
        );
        if (secure && !trusted.check(remoteAddress)) {
          if (!trusted.check(remoteAddress, 'ipv6')) throw new Error('https from nobody');
        }
      },
    ),
    RUNS,
  );
});

test('a handshake is let in with a room of the form, or not at all', () => {
  const rules = { REQUIRE_WSS: true, ALLOWED_ORIGINS: [], SUBPROTOCOL: 'acme' };
  const names = fc.array(fc.constantFrom('acme', 'peerdeck.v2', 'peerdeck.token.x', 'mqtt'));
  fc.assert(
    fc.property(text, text, names, fc.boolean(), (path, query, asked, secure) => {
      const url = `/${path}?roomId=${query}`;
      const subprotocols = new Set<string>(asked);
      const admission = admit({ url, origin: undefined, subprotocols, secure }, rules);
      if (admission.ok && !secure) throw new Error('plain ws');
      if (admission.ok && admission.version === 'original') {
        if (!/^[\w\-:.]{1,64}$/.test(admission.room)) throw new Error(admission.room);
        if (!subprotocols.has('acme')) throw new Error('no subprotocol');
      }
      if (!admission.ok && Buffer.byteLength(admission.text) > 123) throw new Error('too long');
      const chosen = chooseSubprotocol(subprotocols, rules);
      if (chosen !== undefined && !subprotocols.has(chosen)) throw new Error('nobody asked for it');
      if (chosen?.startsWith('peerdeck.token.') === true) throw new Error('the token goes back');
      originalToken({ url, headers: { authorization: `Bearer ${query}` } });
      subprotocolToken(subprotocols);
    }),
    RUNS,
  );
});

test('a traceparent is one of the form, or none', () => {
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF-'), maxLength: 60 });
  const form = fc
    .tuple(hex, hex, hex, hex)
    .map(([version, trace, span, flags]) =>
      [version.slice(0, 2), trace.slice(0, 32), span.slice(0, 16), flags.slice(0, 2)].join('-'),
    );
  fc.assert(
    fc.property(fc.oneof(form, hex, text), (header) => {
      const parsed = parseTraceParent(header);
      if (parsed === undefined) return;
      if (!/^[\da-f]{32}$/.test(parsed.traceId)) throw new Error(parsed.traceId);
      if (!/^[\da-f]{16}$/.test(parsed.spanId)) throw new Error(parsed.spanId);
    }),
    RUNS,
  );
});

test('an environment is served, or refused by one line', () => {
  const value = fc.oneof(text, fc.integer().map(String), fc.constantFrom('true', '0', 'a,b', '[]'));
  const entries = fc.array(fc.tuple(fc.constantFrom(...VARIABLES), value), { maxLength: 5 });
  fc.assert(
    fc.property(entries, (all) => {
      try {
        parseConfig(Object.fromEntries(all));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        if (/[\n\r\u001b]/.test(error.message))
          throw new Error('more than a line', { cause: error });
      }
    }),
    { numRuns: 5000 },
  );
});
