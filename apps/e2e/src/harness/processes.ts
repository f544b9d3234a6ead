import { readFileSync, readdirSync } from 'node:fs';

/** The processes of this machine that have `NAME=value` in their environment. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(variable);
      } catch {
        return false; // ended meanwhile, or another user's
      }
    })
    .map(Number);
}
