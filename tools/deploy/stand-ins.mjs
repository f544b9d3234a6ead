import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { which } from '../setup/command.mjs';
import { run } from './shell.mjs';

/*
 * Images for a machine that reaches no registry: the same programs from Debian's packages, under the
 * names that docker-compose.yml asks for. They behave as the real ones do in what the compose file
 * relies on: the program, its paths, the owners of its folders. PEERDECK_STAND_INS names another
 * release of Debian than this machine's: trixie has HAProxy 3.0.
 */

const PACKAGES = ['ca-certificates', 'wget', 'redis-server', 'haproxy', 'coturn', 'prometheus'];
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const PATH = '/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin';

/** By the image's name without tag: what comes after `FROM base`. */
const RECIPES = {
  node: 'RUN useradd -u 1000 -m node\nCMD ["node"]',
  redis: 'RUN mkdir -p /data && chown 999:1000 /data\nCMD ["redis-server"]',
  haproxy:
    'RUN mkdir -p /usr/local/etc/haproxy\n' +
    'CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]',
  'coturn/coturn': 'RUN setcap CAP_NET_BIND_SERVICE=+ep /usr/bin/turnserver\nCMD ["turnserver"]',
  'prom/prometheus':
    'RUN mkdir -p /prometheus && chown 65534:65534 /prometheus && rm -rf /etc/prometheus/*\n' +
    'ENTRYPOINT ["prometheus"]',
};

/** Whether there is a stand-in for an image. */
export function hasStandIn(image) {
  return recipe(image) !== undefined;
}

/**
 * Makes stand-ins in an engine of our own (never in another: they bear the real names).
 *
 * @param {{ engine: import('./engine.mjs').Engine, images: string[], folder: string, log: (text: string) => void }} options
 */
export async function makeStandIns({ engine, images, folder, log }) {
  const release = process.env['PEERDECK_STAND_INS'] ?? ownRelease();
  const contents = [release, process.version, ...PACKAGES].join(' ');
  const base = `standin:${createHash('sha256').update(contents).digest('hex').slice(0, 12)}`;
  if (!(await exists(engine, base))) {
    log(`making a base image from the packages of Debian ${release} (a minute, once)`);
    await makeBase({ engine, folder, base, release });
  }
  for (const image of images) {
    const text = `FROM ${base}\n${recipe(image)}\n`;
    await engine.docker(['build', '-q', '-t', image, '-'], { input: text });
  }
}

function recipe(image) {
  return RECIPES[image.replace(/:[^:/]*$/, '')];
}

async function exists(engine, image) {
  return engine.docker(['image', 'inspect', image]).then(
    () => true,
    () => false,
  );
}

function ownRelease() {
  return /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))[1];
}

async function makeBase({ engine, folder, base, release }) {
  const root = join(folder, 'root');
  rmSync(root, { recursive: true, force: true });
  const mirrors = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)']);
  const include = `--include=${[...PACKAGES, 'libcap2-bin'].join(',')}`;
  await run('debootstrap', ['--variant=minbase', include, release, root, mirrors.split('\n')[0]]);
  copyFileSync(CERTIFICATES, join(root, CERTIFICATES));
  installNode(root);
  const settings = [`ENV PATH=${PATH}`, `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`];
  settings.push(`ENV NPM_CONFIG_CAFILE=${CERTIFICATES}`, 'CMD ["bash"]');
  const changes = settings.map((text) => `-c '${text}'`).join(' ');
  const pack = `tar -C '${root}' --exclude='./var/cache/apt/archives/*' --exclude='./var/lib/apt/lists/*' -c .`;
  await run('bash', ['-o', 'pipefail', '-c', `${pack} | docker import ${changes} - ${base}`], {
    env: engine.env,
  });
  rmSync(root, { recursive: true, force: true });
}

/** The Node that runs this, and npm, where official images have them. */
function installNode(root) {
  const local = join(root, 'usr/local');
  copyFileSync(process.execPath, join(local, 'bin/node'));
  const npm = process.env['npm_execpath'] ?? which('npm');
  if (npm === undefined) throw new Error('there is no npm on the PATH');
  const folder = dirname(dirname(realpathSync(npm)));
  const options = { recursive: true, dereference: true };
  cpSync(folder, join(local, 'lib/node_modules/npm'), options);
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
  }
}
