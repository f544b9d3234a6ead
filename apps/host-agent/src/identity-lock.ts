import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Who holds a lock. `born` tells a process from a later one with the same id, where it is known. */
interface Owner {
  readonly pid: number;
  readonly born: string;
}

export interface LockTaken {
  /** The process that has it. */
  readonly owner: number;
}

/**
 * One agent for one identity on a machine: two of them would take the room from each other for
 * ever. A file beside the identity names the process; that of a process which is gone is taken
 * over. It is a courtesy among one's own agents: where it can't be written, there is none.
 */
export class IdentityLock {
  readonly #file: string | undefined;
  readonly #text: string;

  private constructor(file: string | undefined, text: string) {
    this.#file = file;
    this.#text = text;
  }

  /** `onNone` is told why there can be no lock. */
  static take(identityFile: string, onNone: (why: string) => void): IdentityLock | LockTaken {
    const file = `${identityFile}.lock`;
    const text = `${process.pid} ${bornAt(process.pid) ?? '-'}\n`;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      while (!create(file, text)) {
        const found = read(file);
        if (found === undefined) continue; // released in this moment
        const owner = parse(found);
        if (owner !== undefined && found !== text && isAlive(owner)) return { owner: owner.pid };
        removeStale(file, found);
      }
      return new IdentityLock(file, text);
    } catch (error) {
      onNone(error instanceof Error ? error.message : String(error));
      return new IdentityLock(undefined, text);
    }
  }

  /** Idempotent. */
  release(): void {
    if (this.#file !== undefined && read(this.#file) === this.#text) {
      rmSync(this.#file, { force: true });
    }
  }
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** Waits until the identity is free, looking ever less often. */
export async function waitForIdentity(options: {
  readonly file: string;
  /** Before each wait. */
  readonly onWait: (owner: number, waitMs: number) => void;
  readonly onNone: (why: string) => void;
  readonly sleep: (ms: number) => Promise<unknown>;
}): Promise<IdentityLock> {
  const { file, onWait, onNone, sleep } = options;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    const lock = IdentityLock.take(file, onNone);
    if (lock instanceof IdentityLock) return lock;
    onWait(lock.owner, waitMs);
    await sleep(waitMs);
  }
}

/** Made under another name first: nobody ever reads a lock that is half written. */
function create(file: string, text: string): boolean {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Only if it is still the one that was read: another agent may have taken it over meanwhile. */
function removeStale(file: string, expected: string): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
    if (read(aside) !== expected) linkSync(aside, file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): Owner | undefined {
  const [pid, born] = text.trim().split(' ');
  const number = Number(pid);
  if (!Number.isSafeInteger(number) || number <= 0) return undefined;
  return { pid: number, born: born ?? '-' };
}

function isAlive({ pid, born }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  const now = bornAt(pid);
  return born === '-' || now === undefined || now === born;
}

/** Linux: the start of the process in clock ticks since boot; undefined elsewhere. */
function bornAt(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces; the start is the 20th field after it.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
