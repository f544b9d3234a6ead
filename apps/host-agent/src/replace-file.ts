import { renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Puts `text` in the place of what the file held, in one step: a crash leaves the old or the new
 * one, a failure the old one and nothing beside it. Readable by its owner alone.
 */
export function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
