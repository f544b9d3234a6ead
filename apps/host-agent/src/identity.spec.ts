import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultIdentityFile, IdentityError, loadIdentity } from './identity.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'peerdeck-identity-'))));
afterEach(() => rmSync(dir, { recursive: true }));

describe('loadIdentity', () => {
  it('keeps code and key over restarts, in a file of the owner alone', () => {
    const file = join(dir, 'state', 'identity.json');
    const first = loadIdentity({ file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'state')).mode & 0o777).toBe(0o700);
    expect(loadIdentity({ file })).toEqual(first);
  });

  it('makes a new code on demand and keeps the key', () => {
    const file = join(dir, 'identity.json');
    const first = loadIdentity({ file });
    const second = loadIdentity({ file, newCode: true });
    expect(second.code).not.toBe(first.code);
    expect(second.hostKey).toEqual(first.hostKey);
    expect(loadIdentity({ file })).toEqual(second);
  });

  it('takes a file back from the eyes of others', () => {
    const file = join(dir, 'identity.json');
    loadIdentity({ file });
    chmodSync(file, 0o644);
    loadIdentity({ file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{}', '{"version":1,"code":"AAAA","hostKey":"x"}', '[1'])(
    'refuses a damaged file without quoting it: %j',
    (text) => {
      const file = join(dir, 'identity.json');
      writeFileSync(file, text);
      expect(() => loadIdentity({ file })).toThrow(IdentityError);
      expect(() => loadIdentity({ file })).toThrow(/damaged\. Remove it/);
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );

  it('says where it cannot write', () => {
    writeFileSync(join(dir, 'blocked'), '');
    const file = join(dir, 'blocked', 'identity.json');
    expect(() => loadIdentity({ file })).toThrow(/--identity/);
  });
});

describe('defaultIdentityFile', () => {
  it('follows the platform', () => {
    expect(defaultIdentityFile({ XDG_STATE_HOME: '/s' }, 'linux')).toBe(
      '/s/peerdeck/identity.json',
    );
    expect(defaultIdentityFile({}, 'linux')).toMatch(/\.local\/state\/peerdeck\/identity\.json$/);
  });
});
