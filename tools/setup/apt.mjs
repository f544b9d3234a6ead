import { capture, mustRun, runCommand, which } from './command.mjs';
import { SetupError } from './errors.mjs';
import { TYPICAL_MEGABYTES } from './packages.mjs';

const INSTALL = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];
const NETWORK = 'Check the network connection and the apt sources, then start again.';
const FETCH_FAILED = /Could not resolve|Failed to fetch|Connection (failed|refused|timed out)/;
const UNKNOWN =
  /Unable to locate package (\S+)|Package '?([^\s']+)'? has no installation candidate/g;
const C_LOCALE = { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };

/** Names that dpkg lists as installed; undefined on a system without dpkg. */
export function installedPackages(run = capture) {
  const text = run('dpkg-query', ['-W', '-f', '${db:Status-Abbrev} ${Package}\n']);
  return text === undefined ? undefined : parseInstalled(text);
}

/** Lines such as `ii  xvfb`: wanted state, then `i` for really installed. */
export function parseInstalled(text) {
  const names = new Set();
  for (const line of text.split('\n')) {
    const match = /^.i. +(\S+)$/.exec(line);
    if (match) names.add(match[1]);
  }
  return names;
}

/** What apt says an installation takes, in bytes: download and room on disk. */
export function parseSizes(text) {
  const bytes = (pattern) => {
    const match = pattern.exec(text);
    if (!match) return undefined;
    const unit = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[match[2]];
    return Math.round(Number(match[1].replaceAll(',', '')) * unit);
  };
  const download = bytes(/Need to get (?:[\d.,]+ [kMG]?B\/)?([\d.,]+) ([kMG]?B) of archives/);
  const disk = bytes(/After this operation, ([\d.,]+) ([kMG]?B) of additional disk space/);
  return disk === undefined ? undefined : { download: download ?? 0, disk };
}

/** What a command needs before it to run as root: nothing, sudo, or null where neither helps. */
export function rootPrefix({ uid = process.getuid?.(), find = which } = {}) {
  if (uid === 0) return [];
  return find('sudo') === undefined ? null : ['sudo'];
}

/** What has to run as root before packages are installed; undefined: nothing. */
export function maskServices(packages, find = which) {
  const services = packages.flatMap(({ service }) => service ?? []);
  if (services.length === 0 || find('systemctl') === undefined) return undefined;
  return ['systemctl', 'mask', ...services];
}

/** The command for a user who installs by hand. */
export function aptCommand(packages, prefix = ['sudo'], find = which) {
  const names = packages.map((entry) => entry.name);
  const install = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  const mask = maskServices(packages, find)?.join(' ');
  return [mask, 'apt-get update', install]
    .filter((command) => command !== undefined)
    .map((command) => [...prefix, command].join(' '))
    .join(' && ');
}

/** What helps after an `apt-get install` that failed, by its output. */
export function installRemedy({ output, listsFailed, distribution, byHand }) {
  const unknown = [...output.matchAll(UNKNOWN)].map((match) => match[1] ?? match[2]).join(', ');
  if (FETCH_FAILED.test(output) || (unknown !== '' && listsFailed)) return NETWORK;
  if (unknown !== '' && distribution === 'ubuntu') {
    return `Switch on 'universe', which has ${unknown}: sudo add-apt-repository universe`;
  }
  if (unknown !== '') return `This system's apt sources lack ${unknown}.`;
  return `Try it by hand: ${byHand}`;
}

/** Installs system packages with apt, as root or by sudo. */
export class Apt {
  #prefix;
  #env;
  #distribution;
  #find;
  #listsFailed = false;

  /** @param {{ prefix?: string[] | null }} options `prefix`: see rootPrefix; null: nothing can */
  constructor({ prefix = rootPrefix(), env = process.env, distribution = '', find = which } = {}) {
    this.#find = find;
    this.#prefix = prefix;
    this.#env = { ...env, ...C_LOCALE };
    this.#distribution = distribution;
  }

  /** Ends the command early, with what to type, where nothing can become root. */
  requireRoot(missing) {
    if (this.#prefix !== null) return;
    throw new SetupError(
      `${missing.length} system packages are missing, and this user is not root and has no sudo.`,
      { remedy: `Let an administrator run: ${aptCommand(missing, [], this.#find)}` },
    );
  }

  /** True while sudo would have to ask for a password. */
  needsPassword() {
    if (this.#prefix?.length !== 1) return false;
    return capture('sudo', ['-n', 'true']) === undefined;
  }

  /** Size of an installation; typical figures (`exact: false`) while apt's lists are empty. */
  async sizes(missing) {
    const names = missing.map((entry) => entry.name);
    const args = [...INSTALL, '--print-uris', ...names];
    const { output } = await runCommand('apt-get', args, { env: this.#env });
    const exact = parseSizes(output);
    if (exact !== undefined) return { ...exact, exact: true };
    const uses = [...new Set(missing.map((entry) => entry.use))];
    const disk = uses.reduce((sum, use) => sum + TYPICAL_MEGABYTES[use] * 1e6, 0);
    return { download: disk * 0.28, disk, exact: false };
  }

  /** A source that can't be reached is only a warning to apt; it matters when packages are missing. */
  async update() {
    const args = ['apt-get', 'update', '-o', 'DPkg::Lock::Timeout=300'];
    const output = await this.#asRoot(args, 'apt-get update', () => NETWORK);
    this.#listsFailed = FETCH_FAILED.test(output);
  }

  async install(missing) {
    const names = missing.map((entry) => entry.name);
    const byHand = aptCommand(missing, this.#prefix ?? [], this.#find);
    const mask = maskServices(missing, this.#find);
    if (mask !== undefined) {
      await this.#asRoot(mask, 'systemctl mask', () => `Try it by hand: ${byHand}`);
    }
    await this.#asRoot(['apt-get', ...INSTALL, ...names], 'apt-get install', (output) =>
      installRemedy({
        output,
        listsFailed: this.#listsFailed,
        distribution: this.#distribution,
        byHand,
      }),
    );
  }

  /** sudo may ask on the terminal; it reads the password there, not from standard input. */
  #asRoot(args, what, remedy) {
    const settings = Object.entries(C_LOCALE).map(([key, value]) => `${key}=${value}`);
    const [command, ...rest] = [...(this.#prefix ?? []), 'env', ...settings, ...args];
    return mustRun(command, rest, { what, remedy, env: this.#env, input: 'inherit' });
  }
}
