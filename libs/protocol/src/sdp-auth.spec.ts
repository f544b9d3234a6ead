import { createHash, createHmac } from 'node:crypto';
import { generateHostKey, hostKeyHash } from './host-key.ts';
import { HostAuth, NonceCache, ViewerAuth } from './sdp-auth.ts';
import type { AnswerAuth, OfferAuth } from './signaling-messages.ts';

const controlKey = new Uint8Array(32).fill(1);
const viewKey = new Uint8Array(32).fill(2);
const OFFER = 'v=0\r\na=fingerprint:sha-256 AA:BB\r\n';
const ANSWER = 'v=0\r\na=fingerprint:sha-256 CC:DD\r\n';

/** Every call gives other bytes, the same in each run. */
function countingRandom(): (size: number) => Uint8Array {
  let next = 0;
  return (size) => new Uint8Array(size).fill((next += 1));
}

function setUp(
  options: { role?: 'control' | 'view'; signed?: boolean; hostKeyHash?: string } = {},
) {
  const role = options.role ?? 'control';
  const random = countingRandom();
  const hostKey = generateHostKey(countingRandom());
  const replays = new NonceCache();
  const viewer = new ViewerAuth({
    session: 's1',
    role,
    key: role === 'control' ? controlKey : viewKey,
    random,
    ...(options.hostKeyHash === undefined ? {} : { hostKeyHash: options.hostKeyHash }),
  });
  const newHost = (session = 's1') =>
    new HostAuth({
      session,
      keys: { control: controlKey, view: viewKey },
      replays,
      random,
      ...(options.signed === true ? { hostKey } : {}),
    });
  return { viewer, host: newHost(), newHost, hostKey };
}

/** The documented formula by another implementation. */
function expectedMac(key: Uint8Array, parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) {
    const bytes = Buffer.from(part as string);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    hmac.update(size).update(bytes);
  }
  return hmac.digest('base64url');
}
const sha256 = (text: string) => createHash('sha256').update(text).digest();

describe('a session', () => {
  it.each(['control', 'view'] as const)('proves the %s role both ways', (role) => {
    const { viewer, host } = setUp({ role });
    const offer = viewer.makeOffer(OFFER);
    expect(host.verifyOffer(OFFER, offer)).toEqual({ ok: true, role });
    const answer = host.makeAnswer(ANSWER);
    expect(viewer.verifyAnswer(ANSWER, answer)).toEqual({ ok: true });
    const viewerProof = viewer.transcriptMac() ?? '';
    const hostProof = host.transcriptMac() ?? '';
    expect(host.verifyViewerTranscript(viewerProof)).toEqual({ ok: true });
    expect(viewer.verifyHostTranscript(hostProof)).toEqual({ ok: true });
    // Nobody can send the other's proof back.
    expect(host.verifyViewerTranscript(hostProof)).toEqual({ ok: false, reason: 'wrong-mac' });
    expect(viewer.verifyHostTranscript(viewerProof)).toEqual({ ok: false, reason: 'wrong-mac' });
  });

  it('uses the documented MACs', () => {
    const { viewer, host } = setUp();
    const offer = viewer.makeOffer(OFFER);
    host.verifyOffer(OFFER, offer);
    const answer = host.makeAnswer(ANSWER);
    viewer.verifyAnswer(ANSWER, answer);
    const common = ['control', 's1', '0', offer.nonce];
    expect(offer.mac).toBe(expectedMac(controlKey, ['peerdeck/1 offer', ...common, OFFER]));
    expect(answer.mac).toBe(
      expectedMac(controlKey, [
        'peerdeck/1 answer',
        ...common,
        answer.nonce,
        sha256(OFFER),
        ANSWER,
      ]),
    );
    for (const side of ['viewer', 'host'] as const) {
      const proof = side === 'viewer' ? viewer.transcriptMac() : host.transcriptMac();
      expect(proof).toBe(
        expectedMac(controlKey, [
          'peerdeck/1 transcript',
          side,
          's1',
          offer.nonce,
          answer.nonce,
          sha256(OFFER),
          sha256(ANSWER),
        ]),
      );
    }
    expect({ offer, answer, proof: viewer.transcriptMac() }).toEqual(GOLDEN);
  });

  it('keeps its first transcript over ICE restarts, whose counter grows', () => {
    const { viewer, host } = setUp();
    host.verifyOffer(OFFER, viewer.makeOffer(OFFER));
    viewer.verifyAnswer(ANSWER, host.makeAnswer(ANSWER));
    const proof = viewer.transcriptMac();
    const restart = viewer.makeOffer('restart offer');
    expect(restart.counter).toBe(1);
    expect(host.verifyOffer('restart offer', restart).ok).toBe(true);
    expect(viewer.verifyAnswer('restart answer', host.makeAnswer('restart answer')).ok).toBe(true);
    expect(viewer.transcriptMac()).toBe(proof);
    expect(host.verifyViewerTranscript(proof ?? '').ok).toBe(true);
    // A restart that was lost on the way may be offered again.
    viewer.makeOffer('lost');
    const again = viewer.makeOffer('again');
    expect(again.counter).toBe(3);
    expect(host.verifyOffer('again', again).ok).toBe(true);
    expect(viewer.verifyAnswer('a', host.makeAnswer('a')).ok).toBe(true);
  });

  it('starts anew if the first offer got no answer', () => {
    const { viewer } = setUp();
    viewer.makeOffer(OFFER);
    expect(() => viewer.makeOffer(OFFER)).toThrow('start a new session');
  });
});

describe('the host refuses', () => {
  const good = () => {
    const { viewer, host, newHost } = setUp();
    return { host, newHost, viewer, offer: viewer.makeOffer(OFFER) };
  };

  it.each<[string, (offer: OfferAuth) => Partial<OfferAuth>, string]>([
    ['another role with this MAC', () => ({ role: 'view' }), 'wrong-mac'],
    ['another nonce', () => ({ nonce: 'B'.repeat(22) }), 'wrong-mac'],
    ['a counter that does not start at 0', () => ({ counter: 1 }), 'wrong-counter'],
    ['another MAC', () => ({ mac: 'A'.repeat(43) }), 'wrong-mac'],
    ['a MAC that is cut', (offer) => ({ mac: offer.mac.slice(1) }), 'wrong-mac'],
    [
      // The last character of 43 carries two spare bits.
      'another spelling of the right MAC',
      (offer) => ({ mac: otherSpelling(offer.mac) }),
      'wrong-mac',
    ],
  ])('%s', (_what, change, reason) => {
    const { host, offer } = good();
    expect(host.verifyOffer(OFFER, { ...offer, ...change(offer) })).toEqual({ ok: false, reason });
    expect(host.role).toBeUndefined();
    // And it changed nothing: the true one still works.
    expect(host.verifyOffer(OFFER, offer).ok).toBe(true);
  });

  it('an SDP that was changed, an offer without auth, one for another session', () => {
    const { host, newHost, offer } = good();
    expect(host.verifyOffer(`${OFFER} `, offer)).toMatchObject({ reason: 'wrong-mac' });
    expect(host.verifyOffer(OFFER, undefined)).toMatchObject({ reason: 'missing' });
    expect(newHost('s2').verifyOffer(OFFER, offer)).toMatchObject({ reason: 'wrong-mac' });
  });

  it('a replay, in this session and in a new one of the same name', () => {
    const { host, newHost, offer } = good();
    expect(host.verifyOffer(OFFER, offer).ok).toBe(true);
    expect(host.verifyOffer(OFFER, offer)).toMatchObject({ reason: 'wrong-counter' });
    expect(newHost().verifyOffer(OFFER, offer)).toMatchObject({ reason: 'replayed' });
  });

  it('a role without a key, and a change of role', () => {
    const { viewer } = setUp({ role: 'view' });
    const host = new HostAuth({
      session: 's1',
      keys: { control: controlKey },
      replays: new NonceCache(),
    });
    expect(host.verifyOffer(OFFER, viewer.makeOffer(OFFER))).toMatchObject({
      reason: 'wrong-role',
    });
  });

  it('a proof before the exchange, and one under the wrong key', () => {
    const { host, viewer, offer } = good();
    expect(host.verifyViewerTranscript('A'.repeat(43))).toMatchObject({ reason: 'unexpected' });
    host.verifyOffer(OFFER, offer);
    expect(host.verifyViewerTranscript('A'.repeat(43))).toMatchObject({ reason: 'unexpected' });
    viewer.verifyAnswer(ANSWER, host.makeAnswer(ANSWER));
    expect(host.verifyViewerTranscript('A'.repeat(43))).toMatchObject({ reason: 'wrong-mac' });
  });

  it('to answer twice, or to answer nothing', () => {
    const { host, offer } = good();
    expect(() => host.makeAnswer(ANSWER)).toThrow('no verified offer');
    host.verifyOffer(OFFER, offer);
    host.makeAnswer(ANSWER);
    expect(() => host.makeAnswer(ANSWER)).toThrow('no verified offer');
  });
});

describe('the viewer refuses', () => {
  const good = (options: Parameters<typeof setUp>[0] = {}) => {
    const { viewer, host, hostKey } = setUp(options);
    host.verifyOffer(OFFER, viewer.makeOffer(OFFER));
    return { viewer, host, hostKey, answer: host.makeAnswer(ANSWER) };
  };

  it.each<[string, Partial<AnswerAuth>, string]>([
    ['another role', { role: 'view' }, 'wrong-role'],
    ['another counter', { counter: 1 }, 'wrong-counter'],
    ['another nonce', { nonce: 'B'.repeat(22) }, 'wrong-mac'],
    ['another MAC', { mac: 'A'.repeat(43) }, 'wrong-mac'],
  ])('%s', (_what, change, reason) => {
    const { viewer, answer } = good();
    expect(viewer.verifyAnswer(ANSWER, { ...answer, ...change })).toEqual({ ok: false, reason });
    expect(viewer.transcriptMac()).toBeUndefined();
    expect(viewer.verifyAnswer(ANSWER, answer).ok).toBe(true);
  });

  it('an SDP that was changed, no auth, a second answer', () => {
    const { viewer, answer } = good();
    expect(viewer.verifyAnswer(`${ANSWER} `, answer)).toMatchObject({ reason: 'wrong-mac' });
    expect(viewer.verifyAnswer(ANSWER, undefined)).toMatchObject({ reason: 'missing' });
    expect(viewer.verifyAnswer(ANSWER, answer).ok).toBe(true);
    expect(viewer.verifyAnswer(ANSWER, answer)).toMatchObject({ reason: 'unexpected' });
  });

  it('the offer reflected as an answer', () => {
    const { viewer } = setUp();
    const offer = viewer.makeOffer(OFFER);
    expect(viewer.verifyAnswer(OFFER, offer)).toMatchObject({ reason: 'wrong-mac' });
  });

  it('another host, when the link names one', () => {
    const { publicKey } = generateHostKey(countingRandom());
    const right = hostKeyHash(publicKey);
    const signed = good({ signed: true, hostKeyHash: right });
    expect(signed.viewer.verifyAnswer(ANSWER, signed.answer)).toEqual({ ok: true });

    const unsigned = good({ hostKeyHash: right });
    expect(unsigned.viewer.verifyAnswer(ANSWER, unsigned.answer)).toMatchObject({
      reason: 'wrong-host',
    });
    const other = good({ signed: true, hostKeyHash: 'A'.repeat(22) });
    expect(other.viewer.verifyAnswer(ANSWER, other.answer)).toMatchObject({ reason: 'wrong-host' });

    const forged = good({ signed: true, hostKeyHash: right });
    const wrong = { ...forged.answer, signature: 'A'.repeat(86) };
    expect(forged.viewer.verifyAnswer(ANSWER, wrong)).toMatchObject({ reason: 'wrong-host' });
  });
});

describe('NonceCache', () => {
  it('forgets the oldest when full', () => {
    const cache = new NonceCache(2);
    expect([cache.add('a'), cache.add('b'), cache.add('a'), cache.add('c')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(cache.add('b')).toBe(false);
    expect(cache.add('a')).toBe(true);
  });
});

function otherSpelling(mac: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(mac.slice(-1));
  const other = mac.slice(0, -1) + alphabet.charAt(last + 1);
  if (!Buffer.from(other, 'base64url').equals(Buffer.from(mac, 'base64url'))) {
    throw new Error('not the same bytes');
  }
  return other;
}

const GOLDEN = {
  offer: {
    role: 'control',
    nonce: 'AQEBAQEBAQEBAQEBAQEBAQ',
    counter: 0,
    mac: 'qrMdOORZrmi6grMMAcpyQ8ZUdDZGfebyLxqKIn23rjs',
  },
  answer: {
    role: 'control',
    nonce: 'AgICAgICAgICAgICAgICAg',
    counter: 0,
    mac: '-aZ244XYPvKL29IoqzJwO6qzFfvXqH22qmzELnr_Gq0',
  },
  proof: 'Ygc-PzToWbMPdd5ssYdiymW2h3KjbRUwLlcJMSqXC44',
};
