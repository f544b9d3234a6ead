import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IdentityLock, waitForIdentity } from './identity-lock.ts';

let dir: string;
let file: string;
let other: ChildProcess;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'peerdeck-lock-'));
  file = join(dir, 'identity.json');
  other = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)']);
  if (other.stdout !== null) await once(other.stdout, 'data');
});
afterEach(() => {
  other.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

const none = (why: string): never => {
  throw new Error(why);
};
const take = () => IdentityLock.take(file, none);
/** As the other process would have written it. */
function lockOfOther(born?: string): void {
  const stat = readFileSync(`/proc/${other.pid}/stat`, 'utf8');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  writeFileSync(`${file}.lock`, `${other.pid} ${born ?? start}\n`);
}

describe('the lock of an identity', () => {
  it('is free, is taken, and is free again', () => {
    const lock = take();
    if (!(lock instanceof IdentityLock)) throw new Error('not taken');
    expect(readFileSync(`${file}.lock`, 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+\\n$`));
    lock.release();
    lock.release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of a process that lives keeps a second agent out, and is not touched', () => {
    lockOfOther();
    expect(take()).toEqual({ owner: other.pid });
    expect(readFileSync(`${file}.lock`, 'utf8')).toContain(String(other.pid));
  });

  it('of a process that was killed is taken over', async () => {
    lockOfOther();
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect(take()).toBeInstanceOf(IdentityLock);
    expect(readdirSync(dir)).toEqual(['identity.json.lock']);
  });

  it('whose process id another process has now is taken over', () => {
    lockOfOther('1');
    expect(take()).toBeInstanceOf(IdentityLock);
  });

  it('that is damaged is taken over', () => {
    writeFileSync(`${file}.lock`, 'x');
    expect(take()).toBeInstanceOf(IdentityLock);
  });

  it('is not released by one that lost it', () => {
    const lock = take();
    lockOfOther();
    if (lock instanceof IdentityLock) lock.release();
    expect(readdirSync(dir)).toEqual(['identity.json.lock']);
  });

  it('is done without where it cannot be written', () => {
    writeFileSync(join(dir, 'blocked'), '');
    const why: string[] = [];
    const lock = IdentityLock.take(join(dir, 'blocked', 'identity.json'), (text) => why.push(text));
    expect(lock).toBeInstanceOf(IdentityLock);
    expect(why).toHaveLength(1);
    mkdirSync(`${file}.lock`); // neither read nor replaced
    expect(IdentityLock.take(file, (text) => why.push(text))).toBeInstanceOf(IdentityLock);
    expect(why).toHaveLength(2);
  });

  it('is waited for, ever longer, and taken when its holder is gone', async () => {
    lockOfOther();
    const waits: number[] = [];
    const lock = await waitForIdentity({
      file,
      onWait: (owner, ms) => {
        expect(owner).toBe(other.pid);
        waits.push(ms);
      },
      onNone: none,
      sleep: async () => {
        if (waits.length < 7) return;
        other.kill('SIGKILL');
        await once(other, 'exit');
      },
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    lock.release();
  });
});
