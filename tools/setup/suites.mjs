import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolders } from './fingerprint.mjs';

const MINUTE = 60_000;
const DEADLINE_MS = 20 * MINUTE;
const DEADLINES_MS = { e2e: 40 * MINUTE };
/** Quick ones first; the whole product last, since it needs all the others to be right. */
const ORDER = [
  'setup',
  'protocol',
  'load',
  'capacity',
  'bench',
  'signaling',
  'web-client',
  'host-agent',
  'native-capture',
];
const LAST = ['capture-encoder', 'pion_webrtc', 'e2e'];

/**
 * One suite for each project that has a `test` target (the `nx` key of its package.json, or its
 * project.json), run by the very command of that target: its own, or that of `targetDefaults` in
 * nx.json.
 *
 * A suite reports its counts in one of two ways, by `kind`: `jest` writes jest's JSON; `lines` ends
 * its output with `N passed, N failed[, N skipped]`, and names a skipped test on a line
 * `skipped: name: reason`.
 */
export function findSuites(root) {
  const common = readJson(join(root, 'nx.json')).targetDefaults.test;
  const projects = [...projectFolders(root), ...toolFolders(root)].map((folder) =>
    readProject(root, folder),
  );
  return projects
    .filter((project) => project?.targets?.test !== undefined)
    .map(({ name, folder, targets }) => {
      const { command, options } = { ...common, ...targets.test };
      const isJest = /\bjest(\.js)?\b/.test(command);
      return {
        name,
        command,
        kind: isJest ? 'jest' : 'lines',
        cwd: join(root, (options?.cwd ?? folder).replace('{projectRoot}', folder)),
        deadlineMs: DEADLINES_MS[name] ?? DEADLINE_MS,
      };
    })
    .sort((a, b) => rank(a.name) - rank(b.name));
}

function readProject(root, folder) {
  const read = (file) => {
    try {
      return readJson(join(root, folder, file));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  const project = read('package.json')?.nx ?? read('project.json');
  return project === undefined ? undefined : { ...project, folder };
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Tools are no packages; those with a project.json have targets. */
function toolFolders(root) {
  return readdirSync(join(root, 'tools'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `tools/${entry.name}`);
}

function rank(name) {
  if (ORDER.includes(name)) return ORDER.indexOf(name);
  return LAST.includes(name) ? 100 + LAST.indexOf(name) : 50;
}
