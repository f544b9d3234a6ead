import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Folders that hold results, or what no build reads. */
const NOT_SOURCES = new Set(['node_modules', 'dist', 'build', 'out', 'coverage', 'tests', '.nx']);
const NOT_SOURCE_FILES = /\.(spec|test)\.[cm]?ts$|_test\.go$|\.md$/;

/**
 * A hash over names, sizes and times of files, contents unread: it changes whenever a file does,
 * and also when one is only touched, which costs a look by Nx and no more.
 *
 * @param {string[]} paths files and folders, relative to `root`; absent ones count as absent
 */
export function fingerprint(root, paths, { outputs = false } = {}) {
  const hash = createHash('sha256');
  for (const path of paths) add(hash, root, path, outputs);
  return hash.digest('hex');
}

function add(hash, root, path, outputs) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (stat === undefined) {
    hash.update(`${path} absent\n`);
  } else if (stat.isDirectory()) {
    for (const name of readdirSync(join(root, path)).sort()) {
      if (outputs || !(NOT_SOURCES.has(name) || NOT_SOURCE_FILES.test(name))) {
        add(hash, root, `${path}/${name}`, outputs);
      }
    }
  } else {
    hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`);
  }
}

/** Folders of the workspace's projects, from the root package.json's `workspaces`. */
export function projectFolders(root) {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return workspaces.flatMap((pattern) => {
    const parent = pattern.replace(/\/\*$/, '');
    const names = readdirSync(join(root, parent), { withFileTypes: true });
    return names.filter((entry) => entry.isDirectory()).map((entry) => `${parent}/${entry.name}`);
  });
}
