import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const K6_VERSION = 'v1.8.1';
const MODULE = `go.k6.io/k6@${K6_VERSION}`;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, '.peerdeck/k6');

/** Where k6 is; undefined: nowhere. */
export function findK6(path = process.env['PATH'] ?? ''): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), FOLDER];
  return folders.map((folder) => join(folder, 'k6')).find(isProgram);
}

export function howToGetK6(): string {
  return (
    `k6 is not on the PATH. Add --install, which builds ${MODULE} into .peerdeck/k6 ` +
    `(two minutes, with Go), or do it yourself: go install ${MODULE}`
  );
}

/** Builds k6 with the Go of this machine, or with the one that the setup fetched. */
export function installK6(): string {
  const places = ['/usr/local/go/bin/go', join(ROOT, '.peerdeck/go/bin/go')];
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'go'));
  const go = [...onPath, ...places].find(isProgram);
  if (go === undefined) {
    throw new Error('k6 is built with Go, which is not here: `npm start` fetches it');
  }
  mkdirSync(FOLDER, { recursive: true });
  const env = { ...process.env, GOBIN: FOLDER, GOTOOLCHAIN: 'auto' };
  execFileSync(go, ['install', MODULE], { env, stdio: 'inherit' });
  return join(FOLDER, 'k6');
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
