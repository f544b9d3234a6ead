import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mustRun } from './command.mjs';
import { fingerprint, projectFolders } from './fingerprint.mjs';
import { ownProcess } from './own-process.mjs';

/** What must be built before the product runs; Nx adds what these depend on. */
const PRODUCTS = ['pion_webrtc', 'capture-encoder', 'signaling', 'host-agent', 'web-client'];
const SHARED = ['package-lock.json', 'tsconfig.base.json', 'nx.json', 'native/include'];

/** The environment of every child: the pinned Node and the Go toolchain come first. */
export function toolEnvironment({ node, go, env = process.env }) {
  const folders = [dirname(node), ...(go?.go === undefined ? [] : [dirname(go.go)])];
  const goFlags = env.GOFLAGS?.includes('-buildvcs')
    ? env.GOFLAGS
    : `${env.GOFLAGS ?? ''} -buildvcs=false`;
  return {
    ...env,
    ...go?.env,
    GOFLAGS: goFlags.trim(),
    PATH: [...folders, env.PATH ?? ''].join(':'),
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
  };
}

/** What the tests need beside the product. */
export const TEST_PRODUCTS = ['harness'];

/**
 * Builds the product with Nx. A stamp of all sources and results makes the common case, where
 * nothing changed, cost some milliseconds instead of a start of Nx.
 */
export class Build {
  #root;
  #products;
  #stampFile;

  /** @param {string[]} more projects to build beside the product */
  constructor(root, more = []) {
    this.#root = root;
    this.#products = [...PRODUCTS, ...more];
    this.#stampFile = join(root, `.peerdeck/${['build', ...more].join('-')}.json`);
  }

  upToDate() {
    try {
      const stamp = JSON.parse(readFileSync(this.#stampFile, 'utf8'));
      return stamp.sources === this.#sources() && stamp.results === this.#results();
    } catch {
      return false; // never built here, or a stamp that was cut short
    }
  }

  /** Whether it was ever built here: the next time only what changed is. */
  get known() {
    return existsSync(this.#stampFile);
  }

  async run(env, node) {
    const sources = this.#sources(); // before: a change during the build is not lost
    const nx = join(this.#root, 'node_modules/.bin/nx');
    const args = [
      nx,
      'run-many',
      '-t',
      'build',
      'programs', // of the harness, where it is asked for: the product must build without X11's headers
      '-p',
      this.#products.join(','),
      '--outputStyle=static',
    ];
    const own = ownProcess(node, args);
    await mustRun(own.command, own.args, {
      what: 'The build',
      cwd: this.#root,
      env,
      remedy: 'The output above says why. `npm run build` repeats it.',
    });
    mkdirSync(dirname(this.#stampFile), { recursive: true });
    const stamp = JSON.stringify({ sources, results: this.#results() });
    writeFileSync(this.#stampFile, `${stamp}\n`);
  }

  #sources() {
    return fingerprint(this.#root, [...this.#folders(), ...SHARED]);
  }

  #results() {
    const paths = this.#folders().map((path) => `${path}/dist`);
    return fingerprint(this.#root, paths, { outputs: true });
  }

  #folders() {
    const folders = projectFolders(this.#root);
    return folders.filter((path) => path !== 'libs/harness' || this.#products.includes('harness'));
  }
}
