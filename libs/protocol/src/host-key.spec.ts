import {
  createPublicKey,
  sign as nodeSign,
  verify as nodeVerify,
  createPrivateKey,
} from 'node:crypto';
import { fromBase64Url, toBase64Url } from './bytes.ts';
import {
  generateHostKey,
  hostKeyFromSecret,
  hostKeyHash,
  signHostSlot,
  verifyHostSlot,
} from './host-key.ts';

// RFC 8032, 7.1, test 1.
const SECRET = Buffer.from(
  '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  'hex',
);
const PUBLIC = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const key = hostKeyFromSecret(new Uint8Array(SECRET));
const challenge = 'A'.repeat(22);
const room = 'a'.repeat(32);

/** Another implementation's idea of the same keys. */
const jwk = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: toBase64Url(key.publicKey),
  d: toBase64Url(key.secretKey),
};
const text = Buffer.from(`peerdeck/1 host slot\n${challenge}\n${room}`);

describe('the host key', () => {
  it('agrees with RFC 8032', () => {
    expect(Buffer.from(key.publicKey).toString('hex')).toBe(PUBLIC);
  });

  it('hashes to 16 bytes of SHA-256', () => {
    expect(hostKeyHash(key.publicKey)).toBe('If4x36FUomFia_hUBG_SJw');
    expect(fromBase64Url(hostKeyHash(key.publicKey))).toHaveLength(16);
  });

  it('takes no secret of another size', () => {
    expect(() => hostKeyFromSecret(new Uint8Array(31))).toThrow('32 bytes');
    expect(generateHostKey().publicKey).toHaveLength(32);
  });
});

describe('the host slot', () => {
  const hostKey = toBase64Url(key.publicKey);
  const hostSignature = signHostSlot(challenge, room, key);

  it('is signed as documented', () => {
    const publicKey = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: jwk.x },
      format: 'jwk',
    });
    expect(nodeVerify(null, text, publicKey, Buffer.from(hostSignature, 'base64url'))).toBe(true);
    expect(verifyHostSlot({ challenge, room, hostKey, hostSignature })).toBe(true);
  });

  it('is verified for other implementations too', () => {
    const signature = nodeSign(null, text, createPrivateKey({ key: jwk, format: 'jwk' }));
    expect(
      verifyHostSlot({ challenge, room, hostKey, hostSignature: signature.toString('base64url') }),
    ).toBe(true);
  });

  it('holds for one challenge, one room, one key', () => {
    const right = { challenge, room, hostKey, hostSignature };
    const other = toBase64Url(generateHostKey().publicKey);
    expect(verifyHostSlot({ ...right, challenge: 'B'.repeat(22) })).toBe(false);
    expect(verifyHostSlot({ ...right, room: 'b'.repeat(32) })).toBe(false);
    expect(verifyHostSlot({ ...right, hostKey: other })).toBe(false);
  });

  it.each(['', 'A', 'A'.repeat(86), '!'.repeat(86), 'A'.repeat(85) + 'B'])(
    'takes no %j for a signature or key, and does not throw',
    (wrong) => {
      const right = { challenge, room, hostKey, hostSignature };
      expect(verifyHostSlot({ ...right, hostSignature: wrong })).toBe(false);
      expect(verifyHostSlot({ ...right, hostKey: wrong.slice(0, 43) })).toBe(false);
    },
  );
});
