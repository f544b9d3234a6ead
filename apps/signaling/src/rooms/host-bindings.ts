import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';

/** A room and the host's key that it is bound to. */
export interface HostBinding {
  readonly room: string;
  readonly hostKey: string;
  /** Milliseconds since 1970, when it ends if its host does not come. */
  readonly until: number;
}

const fileSchema = z.object({
  version: z.literal(1),
  bindings: z.array(z.object({ room: z.string(), hostKey: z.string(), until: z.number() })),
});

/** Larger ones are not of this program: ten thousand bindings are a fifth of it. */
const MAX_BYTES = 8 * 1024 * 1024;

/** A file that keeps the bindings of a single node over a restart. There are no secrets in it. */
export class HostBindingsFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What an earlier process wrote; nothing if there is no file yet.
   * @throws Error that says what the file should be, if it can't be used
   */
  read(): HostBinding[] {
    const text = this.#text();
    if (text === undefined) return [];
    try {
      return fileSchema.parse(JSON.parse(text)).bindings;
    } catch {
      throw new Error(
        'a file that this service wrote; remove this one (each room is then bound anew, to the next ' +
          'host that comes), or name another',
      );
    }
  }

  /** In one step: whoever reads finds the old list or the new one. For its owner's eyes only. */
  write(bindings: readonly HostBinding[]): void {
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      const file = openSync(temporary, 'w', 0o600);
      try {
        writeSync(file, JSON.stringify({ version: 1, bindings }));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.#path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  #text(): string | undefined {
    try {
      accessSync(dirname(this.#path), constants.W_OK);
      if (!existsSync(this.#path)) return undefined;
      accessSync(this.#path, constants.W_OK);
      if (statSync(this.#path).size <= MAX_BYTES) return readFileSync(this.#path, 'utf8');
    } catch (error) {
      const cause = { cause: error };
      throw new Error('a file that this process may write, in a folder that is there', cause);
    }
    throw new Error(`a file of at most ${MAX_BYTES} bytes, as this service writes it`);
  }
}
