import fc from 'fast-check';
import { buildLink, parseInvitation, parseLink } from './invitation.ts';

const CODE = '0123-4567-89AB-CDEF';
const HASH = 'A'.repeat(22);

describe('buildLink', () => {
  it('puts everything into the fragment', () => {
    expect(buildLink({ page: 'https://deck.example/', code: CODE })).toBe(
      `https://deck.example/#c=${CODE}`,
    );
    const link = buildLink({
      page: 'http://10.0.0.5:8080/view?x=1#old',
      code: `V-${CODE}`,
      hostKeyHash: HASH,
      signalingUrl: 'wss://signal.example/ws?a=b&c=d',
    });
    expect(link).toBe(
      `http://10.0.0.5:8080/view?x=1#v=V-${CODE}&h=${HASH}&s=wss%3A%2F%2Fsignal.example%2Fws%3Fa%3Db%26c%3Dd`,
    );
    expect(parseLink(link)).toEqual({
      ok: true,
      invitation: {
        code: expect.objectContaining({ role: 'view', text: `V-${CODE}` }),
        hostKeyHash: HASH,
        signalingUrl: 'wss://signal.example/ws?a=b&c=d',
      },
    });
  });

  it('takes no broken code', () => {
    expect(() => buildLink({ page: 'https://x/', code: 'abc' })).toThrow(RangeError);
  });
});

describe('parseLink', () => {
  it.each([
    [`#c=${CODE}`, 'control'],
    [`#c=${CODE.replaceAll('-', '').toLowerCase()}`, 'control'],
    [`#v=V-${CODE}`, 'view'],
    [`#${CODE}`, 'control'],
    [`#V-${CODE}`, 'view'],
    [`#v=${CODE}`, 'view'],
    [`#v=v${CODE.replaceAll('-', '')}`, 'view'],
  ])('reads %s', (link, role) => {
    expect(parseLink(link)).toMatchObject({
      ok: true,
      invitation: { code: { role } },
    });
  });

  it('reads a token', () => {
    expect(parseLink(`#c=${CODE}&t=aa.b-b.c_c`)).toMatchObject({
      ok: true,
      invitation: { token: 'aa.b-b.c_c' },
    });
  });

  it.each([
    [`#c=${CODE}&t=`, 'token'],
    [`#c=${CODE}&t=a.b`, 'token'],
    [`#c=${CODE}&t=a.b.${'c'.repeat(8192)}`, 'token'],
    ['https://deck.example/', 'missing'],
    ['https://deck.example/#', 'no code'],
    [`#c=${CODE}&v=V-${CODE}`, 'or two'],
    ['#c=0123', 'damaged'],
    [`#c=V-${CODE}`, 'not of the kind'],
    [`#c=${CODE}&h=short`, 'host key'],
    [`#c=${CODE}&s=javascript:alert(1)`, 'ws://'],
    [`#c=${CODE}&s=https://x.example`, 'ws://'],
  ])('refuses %s', (link, hint) => {
    const parsed = parseLink(link);
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.message).toContain(hint);
  });
});

describe('parseInvitation', () => {
  it('takes a code or a link', () => {
    expect(parseInvitation(CODE).ok).toBe(true);
    expect(parseInvitation(` https://deck.example/#c=${CODE}`).ok).toBe(true);
    expect(parseInvitation('https://deck.example/').ok).toBe(false);
  });

  it('never throws', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((fragment) => `#c=${fragment}`),
      fc.string().map((fragment) => `#v=%${fragment}`),
    );
    fc.assert(
      fc.property(text, (typed) => {
        expect(typeof parseInvitation(typed).ok).toBe('boolean');
      }),
      { numRuns: 5000 },
    );
  });
});
