import { codeHint, tidyCode } from './code-hint.ts';

const code = '0123-4567-89AB-CDEF';

describe('codeHint', () => {
  it('counts while somebody types, and complains afterwards', () => {
    expect(codeHint('', true)).toEqual({ text: '', tone: 'plain' });
    expect(codeHint('0123-45', true)).toEqual({ text: '6 of 16 characters', tone: 'plain' });
    expect(codeHint('v-0123', true)).toEqual({ text: '5 of 17 characters', tone: 'plain' });
    expect(codeHint('0123-45', false).tone).toBe('bad');
  });
  it('names a character that no code has at once', () => {
    expect(codeHint('012u', true)).toMatchObject({ tone: 'bad' });
    expect(codeHint('012!', true)).toMatchObject({ tone: 'bad' });
  });
  it('tells what the code is for, however it is spelt', () => {
    for (const typed of [code, code.toLowerCase(), 'o123 4567 89ab cdef', ' 0i2345 6789abcdef']) {
      expect(codeHint(typed, true)).toMatchObject({ text: 'Control code.', tone: 'good' });
    }
    expect(codeHint(`V-${code}`, true).text).toMatch(/^View code/);
  });
  it('takes a whole link', () => {
    const hint = codeHint(`https://example.org/desk/#c=${code}&s=wss%3A%2F%2Fs.example`, true);
    expect(hint.invitation).toMatchObject({ signalingUrl: 'wss://s.example' });
    expect(codeHint('https://example.org/desk/', true).tone).toBe('bad');
    expect(codeHint('#c=0123', true).tone).toBe('bad');
  });
});

describe('tidyCode', () => {
  it('spells codes as the host does', () => {
    expect(tidyCode(' o12345 6789 abcdef')).toBe(code);
    expect(tidyCode(' nonsense')).toBe('nonsense');
  });
});
