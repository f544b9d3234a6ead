import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mustRun } from './command.mjs';
import { fingerprint, projectFolders } from './fingerprint.mjs';

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

/**
 * Builds the product with Nx. A stamp of all sources and results makes the common case, where
 * nothing changed, cost some milliseconds instead of a start of Nx.
 */
export class Build {
  #root;
  #stampFile;

  constructor(root) {
    this.#root = root;
    this.#stampFile = join(root, '.peerdeck/build.json');
  }

  upToDate() {
    try {
      const stamp = JSON.parse(readFileSync(this.#stampFile, 'utf8'));
      return stamp.sources === this.#sources() && stamp.results === this.#results();
    } catch {
      return false; // never built here, or a stamp that was cut short
    }
  }

  async run(env, node) {
    const sources = this.#sources(); // before: a change during the build is not lost
    const nx = join(this.#root, 'node_modules/nx/bin/nx.js');
    const args = [nx, 'run-many', '-t', 'build', '-p', PRODUCTS.join(','), '--outputStyle=static'];
    await mustRun(node, args, {
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
    const paths = projectFolders(this.#root).filter((path) => path !== 'apps/e2e');
    return fingerprint(this.#root, [...paths, ...SHARED]);
  }

  #results() {
    const paths = projectFolders(this.#root).filter((path) => path !== 'apps/e2e');
    return fingerprint(
      this.#root,
      paths.map((path) => `${path}/dist`),
      { outputs: true },
    );
  }
}
