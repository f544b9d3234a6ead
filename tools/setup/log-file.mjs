import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

const TAIL_LINES = 20;
const TAIL_CHARACTERS = 8000;
const FILE_BYTES = 8 * 1024 * 1024;

/**
 * Output of a child: all of it into a file, which starts anew at each start and stops growing at
 * FILE_BYTES (the newest is dropped), and the last lines in memory, for an error message.
 */
export class LogFile {
  #path;
  #file;
  #left = FILE_BYTES;
  #tail = '';
  #decoder = new StringDecoder('utf8');

  constructor(path) {
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#file = createWriteStream(path, { mode: 0o600 });
    this.#file.on('error', () => (this.#left = 0)); // a full disk must not end the session
  }

  get path() {
    return this.#path;
  }

  write(chunk) {
    this.#tail = (this.#tail + this.#decoder.write(chunk)).slice(-TAIL_CHARACTERS);
    if (this.#left <= 0) return;
    this.#left -= chunk.length;
    this.#file.write(chunk);
    if (this.#left <= 0) this.#file.write('\n(full: nothing more is written)\n');
  }

  tail() {
    return this.#tail.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  }

  close() {
    this.#file.end();
  }
}
