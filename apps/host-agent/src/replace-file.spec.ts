import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from './replace-file.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'peerdeck-replace-'))));
afterEach(() => rmSync(dir, { recursive: true }));

describe('replaceFile', () => {
  it('writes for the owner alone, and takes the place of what was there', () => {
    const file = join(dir, 'a');
    replaceFile(file, 'one');
    replaceFile(file, 'two');
    expect(readFileSync(file, 'utf8')).toBe('two');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['a']);
  });

  it('leaves nothing beside a file whose place it cannot take', () => {
    mkdirSync(join(dir, 'a'));
    expect(() => replaceFile(join(dir, 'a'), 'x')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(dir)).toEqual(['a']);
  });
});
