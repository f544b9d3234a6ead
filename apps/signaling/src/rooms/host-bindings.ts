import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
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
   * @throws Error that names the file and the remedy, if it can't be read
   */
  read(): HostBinding[] {
    const text = this.#text();
    if (text === undefined) return [];
    try {
      return fileSchema.parse(JSON.parse(text)).bindings;
    } catch {
      throw new Error(
        `HOST_BINDINGS_FILE: ${this.#path} is not what this service wrote; ` +
          'remove it (rooms are then bound anew by the next host of each) or name another file',
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
      const text = readFileSync(this.#path, 'utf8');
      if (text.length > MAX_BYTES) throw new Error('larger than this service writes it');
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`HOST_BINDINGS_FILE: ${this.#path} can't be read: ${why}`, { cause: error });
    }
  }
}
