import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { mustRun } from './command.mjs';
import { compareVersions } from './platform.mjs';
import { SetupError } from './errors.mjs';

/** The Node that runs TypeScript sources without a build step, should the pinned one be missing. */
const RUNTIME_NODE = '24.0.0';

/**
 * Whether node_modules holds what package-lock.json asks for, by the lockfile that npm itself
 * leaves inside node_modules. Packages for other systems may be absent.
 */
export function npmUpToDate(root, read = (file) => readFileSync(file, 'utf8')) {
  let wanted;
  let present;
  try {
    wanted = JSON.parse(read(join(root, 'package-lock.json'))).packages;
    present = JSON.parse(read(join(root, 'node_modules/.package-lock.json'))).packages;
  } catch {
    return false; // no node_modules, or one that npm did not finish
  }
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || !path.includes('node_modules/')) return true;
    const there = present[path];
    if (there === undefined) return entry.optional === true || entry.devOptional === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/** Packages that an `npm ci` would put in place, for the list of what will be installed. */
export function npmPackageCount(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages).filter(
    ([path, entry]) => path.includes('node_modules/') && runsHere(entry),
  ).length;
}

function runsHere(entry, platform = process.platform, arch = process.arch) {
  const systems = entry.os ?? [platform];
  const processors = entry.cpu ?? [arch];
  return systems.includes(platform) && processors.includes(arch);
}

/**
 * `npm ci`, tools included whatever NODE_ENV says. It removes node_modules first, and under
 * `npm start` the Node from there may be the one that runs this: so npm runs on the Node that it
 * was started with, and without node_modules/.bin on the PATH.
 */
export async function installNpm(root, env = process.env) {
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const script = env.npm_execpath;
  const node = env.npm_node_execpath;
  const own = script !== undefined && node !== undefined && /npm-cli\.[cm]?js$/.test(script);
  const folders = (env.PATH ?? '').split(delimiter);
  const PATH = folders.filter((folder) => !folder.includes('node_modules')).join(delimiter);
  await mustRun(own ? node : 'npm', own ? [script, ...args] : args, {
    what: 'npm ci',
    cwd: root,
    env: { ...env, PATH },
    remedy:
      'Check the network connection and the registry (npm config get registry), then start again.',
  });
}

/** The Node that everything but this bootstrap runs on: the pinned one from node_modules. */
export function pinnedNode(root) {
  const pinned = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  if (existsSync(pinned)) return pinned;
  if (compareVersions(process.versions.node, RUNTIME_NODE) >= 0) return process.execPath;
  throw new SetupError(
    `There is no pinned Node for ${process.platform} ${process.arch}, and Node ${process.versions.node} is too old.`,
    { remedy: `Install Node ${RUNTIME_NODE} or newer from nodejs.org.` },
  );
}
