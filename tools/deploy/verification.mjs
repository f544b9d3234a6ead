import { randomInt } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { checkContainers } from './checks/containers.mjs';
import { checkMonitoring } from './checks/monitoring.mjs';
import { checkOutage } from './checks/outage.mjs';
import { checkPage } from './checks/page.mjs';
import { checkPeers } from './checks/peers.mjs';
import { checkPicture } from './checks/picture.mjs';
import { checkRolling } from './checks/rolling.mjs';
import { Engine } from './engine.mjs';
import { makeEnv } from './env-command.mjs';
import { ReportTable } from './report-table.mjs';
import { run } from './shell.mjs';
import { Stack } from './stack.mjs';
import { hasStandIn, makeStandIns } from './stand-ins.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const BUILT = ['signaling-a', 'signaling-b'];
const VERSIONS = [
  ['signaling-a', 'echo node', '$(node --version)'],
  ['haproxy', 'haproxy', '-v'],
  ['redis', 'redis-server', '--version'],
  ['coturn', 'echo coturn', '$(turnserver --version)'],
  ['prometheus', 'prometheus', '--version'],
];
const PULL_MS = 20_000;
/** 127.0.0.1 reaches the published ports of every engine. */
const HOST = '127.0.0.1';

/**
 * The whole proof. Removes all it made, whatever happens.
 *
 * @param {{ cache: string, verbose: boolean, signal: AbortSignal, write: (line: string) => void }} options
 * @returns {Promise<number>} the exit code
 */
export async function verify({ cache, verbose, signal, write }) {
  const table = new ReportTable(write);
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-verify-'));
  const log = verbose ? (text) => process.stderr.write(text) : () => {};
  const closers = [() => rmSync(folder, { recursive: true, force: true })];
  const rest = () => {
    if (signal.aborted) throw new Error('stopped from outside');
  };
  try {
    const engine = await Engine.open({ folder: cache, log: write });
    closers.push(() => engine.close());
    rest();
    const prepared = await prepare({ engine, folder, cache, log, write });
    const { stack, services, absent } = prepared;
    closers.push(() => stack.down());
    rest();
    await table.check('the images build', () => buildImages({ stack, engine }));
    const up = await table.check('everything starts and gets healthy', () =>
      startAll({ stack, services }),
    );
    for (const { service, image } of absent) {
      table.skip(`${service} starts`, `${image}: no registry, and no stand-in`);
    }
    const context = { ...prepared, table, engine, folder, root: ROOT };
    const checks = [
      ...[checkContainers, checkPage, checkPicture],
      ...[checkRolling, checkPeers, checkOutage, checkMonitoring],
    ];
    for (const check of up ? checks : []) {
      rest();
      await check(context);
    }
    if (!up) await tellWhy({ stack, services, write });
  } catch (error) {
    await table.check('the run itself', () => Promise.reject(error));
  } finally {
    for (const close of closers.reverse()) {
      await Promise.resolve(close()).catch((error) => write(`cleaning up: ${error.message}`));
    }
  }
  write(table.summary());
  return table.failed > 0 ? 1 : 0;
}

async function prepare({ engine, folder, cache, log, write }) {
  const envFile = join(folder, '.env');
  const ports = await freePorts(['https-port', 'http-port', 'turn-port', 'turns-port']);
  const flags = Object.entries(ports).flatMap(([name, port]) => [`--${name}`, String(port)]);
  const made = ['--host', HOST, '--out', envFile, '--tls-dir', join(folder, 'secrets/tls')];
  await makeEnv([...made, ...flags], { line() {}, done() {} });
  // More lines to look for secrets in, and the exporter of traces with all it loads; nobody listens.
  appendFileSync(
    envFile,
    'DEPLOY_LOG_LEVEL=debug\nDEPLOY_OTLP_ENDPOINT=http://127.0.0.1:4318\nDEPLOY_NO_EGRESS=false\n',
  );
  const env = parseEnv(readFileSync(envFile, 'utf8'));
  const files = [join(ROOT, 'docker-compose.yml')];
  if (engine.own) {
    // Without iptables nothing leads from a bridge to the registries.
    const services = Object.fromEntries(
      BUILT.map((name) => [name, { build: { network: 'host' } }]),
    );
    files.push(join(folder, 'override.json'));
    writeFileSync(files[1], JSON.stringify({ services }));
  }
  const compose = await composeCommand(engine);
  const project = `peerdeck-verify-${process.pid}`;
  const stack = new Stack({ engine, root: ROOT, files, envFile, project, compose, log });
  const { services: all } = await stack.config();
  const images = { node: 'node:24-slim' };
  for (const [name, { image, build }] of Object.entries(all)) {
    if (build === undefined) images[name] = image;
  }
  const absent = await fetchImages({ engine, images, cache, write });
  const services = Object.keys(all).filter((name) =>
    absent.every(({ service }) => service !== name),
  );
  const origin = `https://${HOST}:${ports['https-port']}`;
  const tlsFolder = join(folder, 'secrets/tls');
  const ca = [readFileSync(join(tlsFolder, 'site.pem'))];
  return { stack, services, absent, env, ports, origin, host: HOST, tlsFolder, ca };
}

/** PEERDECK_COMPOSE names another program, to try another version. */
async function composeCommand(engine) {
  const { PEERDECK_COMPOSE } = process.env;
  const candidates = [['docker-compose'], ['docker', 'compose']];
  if (PEERDECK_COMPOSE !== undefined) candidates.unshift([PEERDECK_COMPOSE]);
  for (const [command, ...args] of candidates) {
    try {
      await run(command, [...args, 'version'], { env: engine.env });
      return [command, ...args];
    } catch {
      continue;
    }
  }
  throw new Error('neither docker-compose nor docker compose is here');
}

/** Pulls the images, or makes stand-ins where that fails. Resolves with those that are not there. */
async function fetchImages({ engine, images, cache, write }) {
  const all = Object.entries(images);
  const [, probe] = all[0];
  const reached = await engine.docker(['pull', '-q', probe], { deadlineMs: PULL_MS }).then(
    () => true,
    () => false,
  );
  if (reached) {
    write('images: from their registry');
    for (const [, image] of all) await engine.docker(['pull', '-q', image]);
    return [];
  }
  if (!engine.own) throw new Error(`${probe} cannot be pulled`);
  write('images: no registry answers, so stand-ins from Debian packages');
  const names = [...new Set(Object.values(images))].filter(hasStandIn);
  await makeStandIns({ engine, images: names, folder: cache, log: write });
  return all
    .filter(([, image]) => !hasStandIn(image))
    .map(([service, image]) => ({ service, image }));
}

async function buildImages({ stack, engine }) {
  const began = performance.now();
  await stack.compose(['build', ...BUILT]);
  const { services } = await stack.config();
  const size = async (image) =>
    Number(await engine.docker(['image', 'inspect', '-f', '{{.Size}}', image]));
  const whole = await size(services['signaling-a'].image);
  const added = whole - (await size('node:24-slim'));
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  return `${((performance.now() - began) / 1000).toFixed(1)} s; ${megabytes(added)} on top of node:24-slim`;
}

async function startAll({ stack, services }) {
  const began = performance.now();
  await stack.compose(['up', '-d', '--no-build', ...services]);
  const started = performance.now() - began;
  const waited = await stack.healthy(services);
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  const versions = await Promise.all(
    VERSIONS.map(([service, ...args]) =>
      stack.exec(service, ['sh', '-c', `${args.join(' ')} 2>&1 | head -n 1`]),
    ),
  );
  const times = `up: ${seconds(started)}; healthy: ${seconds(started + waited)}`;
  return [times, ...versions.map((text) => text.trim())].join('\n');
}

async function tellWhy({ stack, services, write }) {
  for (const service of services) {
    const { State } = await stack.inspect(service).catch(() => ({ State: {} }));
    write(`${service}: ${State.Status}, ${State.Health?.Status}`);
    const probe = State.Health?.Log?.at(-1)?.Output ?? '';
    const lines = await stack.logs(service).catch(() => []);
    for (const line of [probe, ...lines.slice(-8)]) write(`        ${line.trim()}`);
  }
}

/** Below the range that systems take ports for clients from, so that nobody takes one meanwhile. */
const PORTS = { from: 20_000, to: 32_000 };

async function freePorts(names) {
  const ports = {};
  for (const name of names) {
    do ports[name] = randomInt(PORTS.from, PORTS.to);
    while (!(await isFree(ports[name])));
  }
  return ports;
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
