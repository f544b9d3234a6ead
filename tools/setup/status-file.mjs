import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The file that tells scripts and supervisors how it stands: written once everything is ready, kept
 * true, gone at the end. Each write replaces it as a whole (rename), so a reader never sees half.
 * It holds the room code, so only this user may read it.
 *
 * Shape: `{ ready, viewerUrl, signalingUrl, roomCode, display, pids: { signaling, hostAgent } }`.
 * While a part is being restarted `ready` is false and its pid is null.
 */
export class StatusFile {
  #path;
  #written = '';

  /** @param {string | undefined} path undefined: nothing is written */
  constructor(path) {
    this.#path = path;
    // One from an earlier run that was killed would not be true any more.
    if (path !== undefined) rmSync(path, { force: true });
  }

  write(status) {
    const text = `${JSON.stringify(status, null, 2)}\n`;
    if (this.#path === undefined || text === this.#written) return;
    const temporary = `${this.#path}.${process.pid}.tmp`;
    mkdirSync(dirname(this.#path), { recursive: true });
    try {
      writeFileSync(temporary, text, { mode: 0o600 });
      renameSync(temporary, this.#path);
    } finally {
      rmSync(temporary, { force: true }); // there only where the lines above failed
    }
    this.#written = text;
  }

  close() {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
    this.#written = '';
  }
}
