import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { capture, mustRun } from './command.mjs';
import { compareVersions } from './platform.mjs';
import { SetupError } from './errors.mjs';
import { ownProcess } from './own-process.mjs';

/** The Node that runs TypeScript sources without a build step, should the pinned one be missing. */
const RUNTIME_NODE = '24.0.0';
/** The npm that goes with the pinned Node, where the system's own are too old. */
const NPM_PACKAGE = 'npm@11.19.1';
const REMEDY =
  'Check the network connection and the registry (npm config get registry), then start again.';

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
 * `npm ci`, tools included whatever NODE_ENV says.
 *
 * npm leaves out optional packages that don't name the Node it runs on, and native parts of the
 * build tools come as such. So on an old Node it runs on the pinned one, fetched beforehand.
 * It also removes node_modules first, and under `npm start` the Node from there may be the one
 * that runs this: so the PATH leaves node_modules/.bin out.
 */
export async function installNpm(root, env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter);
  const outside = folders.filter((folder) => !folder.includes('node_modules')).join(delimiter);
  const npm = await findNpm(root, { ...env, PATH: outside });
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const own = ownProcess(npm.command, [...npm.args, ...args]);
  await mustRun(own.command, own.args, {
    what: 'npm ci',
    cwd: root,
    env: npm.env,
    remedy: REMEDY,
  });
}

/** Whether all packages' native parts name this Node in their `engines`: ^20.19 or >=22.12. */
export function runsAllPackages(version) {
  const since = (oldest) => compareVersions(version, oldest) >= 0;
  return since('22.12.0') || (since('20.19.0') && !since('21.0.0'));
}

/** The npm that was started, on the Node it was started with; else the one on the PATH. */
async function findNpm(root, env) {
  const { npm_execpath: script, npm_node_execpath: node } = env;
  const own = script !== undefined && node !== undefined && /npm-cli\.[cm]?js$/.test(script);
  const system = own ? { command: node, args: [script], env } : { command: 'npm', args: [], env };
  const version = capture(own ? node : 'node', ['-p', 'process.versions.node'], env);
  if (runsAllPackages(version?.trim() ?? '0')) return system;
  const folder = join(root, '.peerdeck/node');
  mkdirSync(folder, { recursive: true });
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = `node-${process.platform}-${process.arch}`;
  if (optionalDependencies[name] === undefined) return system;
  const wanted = [`${name}@${optionalDependencies[name]}`, NPM_PACKAGE];
  const flags = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund'];
  await mustRun(system.command, [...system.args, 'install', ...flags, ...wanted], {
    ...{ what: 'Fetching Node and npm', cwd: folder, env, remedy: REMEDY },
  });
  const pinned = join(folder, 'node_modules', name, 'bin/node');
  return {
    command: pinned,
    args: [join(folder, 'node_modules/npm/bin/npm-cli.js')],
    env: { ...env, PATH: [dirname(pinned), env.PATH].join(delimiter) },
  };
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
