import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { printConfigMain } from '@peerdeck/harness/paths';
import { parse } from 'yaml';
import { which } from '../setup/command.mjs';
import { projectFolders } from '../setup/fingerprint.mjs';
import { environment } from './environment.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFileSync(join(ROOT, path), 'utf8');
const TEXT = read('docker-compose.yml');
const compose = parse(TEXT, { merge: true });
const services = Object.entries(compose.services);
const dockerfile = read('deploy/signaling/Dockerfile');

/** A folder of its own with a .env as `npm run deploy:env` writes it. */
function withEnv(t, change = (text) => text) {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-deploy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, '.env');
  writeFileSync(file, change(environment({ host: 'play.example.com', tlsFolder: '/run/x' })));
  return file;
}

/** docker-compose.yml with its variables filled in, as compose itself sees it. */
function config(file) {
  const args = ['-f', join(ROOT, 'docker-compose.yml'), '--env-file', file, 'config'];
  const { PATH, HOME } = process.env; // none of the caller's own DEPLOY_ variables
  const [command, ...first] = which('docker-compose') ? ['docker-compose'] : ['docker', 'compose'];
  return execFileSync(command, [...first, ...args], {
    ...{ encoding: 'utf8', env: { PATH, HOME }, stdio: 'pipe', cwd: tmpdir() },
  });
}

test('compose takes the file with what deploy:env writes', (t) => {
  const made = parse(config(withEnv(t)));
  assert.deepEqual(Object.keys(made.services).sort(), Object.keys(compose.services).sort());
  const { environment: env } = made.services['signaling-a'];
  assert.equal(env.ALLOWED_ORIGINS, 'https://play.example.com');
  assert.match(env.REDIS_URL, /^redis:\/\/signaling:[0-9a-f]{64}@redis:6379$/);
});

test('each variable that is missing is named, with the command that makes it', (t) => {
  const names = environment({ host: 'a.example', tlsFolder: '/x' })
    .match(/^DEPLOY_\w+(?==)/gm)
    .filter((name) => TEXT.includes(`{${name}:?`) || TEXT.includes(`{${name}?`));
  assert.ok(names.length >= 9, names.join());
  for (const name of names) {
    const file = withEnv(t, (text) => text.replace(new RegExp(`^${name}=.*$`, 'm'), ''));
    assert.throws(
      () => config(file),
      (error) => error.stderr.includes(name) && error.stderr.includes('npm run deploy:env'),
      name,
    );
  }
});

test('what deploy:env writes is what compose asks for, and operations.md lists it all', () => {
  const asked = new Set([...TEXT.matchAll(/\$\{(DEPLOY_\w+)/g)].map(([, name]) => name));
  const ports = { httpsPort: 1, httpPort: 1, turnPort: 1, turnsPort: 1, externalIp: '192.0.2.1' };
  const made = environment({ host: 'a.example', tlsFolder: '/x', ...ports });
  for (const [name] of made.matchAll(/^DEPLOY_\w+(?==)/gm)) assert.ok(asked.has(name), name);
  const documented = new Set(read('docs/operations.md').match(/(?<=^\| `)DEPLOY_\w+(?=`)/gm));
  assert.deepEqual([...documented].sort(), [...asked].sort());
});

test('images are pinned to a release', () => {
  const images = services
    .filter(([, service]) => service.build === undefined)
    .map(([, service]) => service.image);
  const bases = [...dockerfile.matchAll(/^ARG \w+=(\S+)$/gm)].map(([, image]) => image);
  assert.equal(bases.length, 1);
  for (const image of [...images, ...bases]) assert.match(image, /:v?\d+[\w.-]*$/, image);
  const froms = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  assert.deepEqual([...new Set(froms)], ['${NODE_IMAGE}', 'manifests']);
});

test('every container is bounded and has no more rights than it needs', () => {
  const capabilities = { coturn: ['NET_BIND_SERVICE'] };
  for (const [name, service] of services) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.cap_add, capabilities[name], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.ok(service.mem_limit && service.pids_limit, name);
    assert.equal(service.restart, 'unless-stopped', name);
    assert.ok(service.logging.options['max-size'] && service.logging.options['max-file'], name);
    if (service.build === undefined) {
      assert.match(service.user, /^[1-9]\d*:/, `${name}: user`);
      assert.ok(service.healthcheck.test.length > 1, `${name}: healthcheck`);
    }
    assert.equal(service.privileged, undefined, name);
  }
  assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m);
  assert.match(dockerfile, /^HEALTHCHECK /m);
  assert.match(dockerfile, /^STOPSIGNAL SIGTERM$/m);
});

test('only the proxy and, on loopback, Grafana have a port; Redis is on the back network alone', () => {
  const open = services.filter(([, service]) => service.ports !== undefined);
  assert.deepEqual(open.map(([name]) => name).sort(), ['grafana', 'haproxy']);
  for (const port of compose.services.grafana.ports) assert.match(port, /^127\.0\.0\.1:/);
  assert.deepEqual(compose.services.redis.networks, ['back']);
  for (const name of ['proxy', 'back', 'metrics'])
    assert.equal(compose.networks[name].internal, true);
  const hostNetwork = services.filter(([, service]) => service.network_mode !== undefined);
  assert.deepEqual(
    hostNetwork.map(([name]) => name),
    ['coturn'],
  );
});

test('no secret stands in a file, nor in what a process is started with', () => {
  for (const [name, service] of services) {
    for (const [variable, value] of Object.entries(service.environment ?? {})) {
      if (/SECRET|PASSWORD/.test(variable)) assert.match(value, /^\$\{DEPLOY_\w+:?[?-]/, variable);
    }
    const started = JSON.stringify([service.command, service.entrypoint, service.healthcheck]);
    assert.doesNotMatch(started, /SECRET|PASSWORD/, name);
  }
});

test('what the nodes get is what the service reads, and it accepts the values', (t) => {
  const known = read('apps/signaling/.env.example').match(/^[A-Z][A-Z0-9_]*(?==)/gm);
  const { environment: env } = compose.services['signaling-a'];
  for (const name of Object.keys(env)) assert.ok(known.includes(name), name);
  const filled = parse(config(withEnv(t))).services['signaling-b'].environment;
  const flags = ['--conditions=@peerdeck/source', printConfigMain];
  const text = Object.fromEntries(Object.entries(filled).map(([k, v]) => [k, String(v ?? '')]));
  const out = execFileSync(process.execPath, [...flags, JSON.stringify(text)], { cwd: ROOT });
  const { ENABLE_AUTH, REQUIRE_WSS, TURN_URLS } = JSON.parse(out);
  assert.deepEqual([ENABLE_AUTH, REQUIRE_WSS, TURN_URLS.length], [true, true, 3]);
});

test('a node is not killed while it drains', () => {
  const { environment: env, stop_grace_period: grace } = compose.services['signaling-a'];
  assert.ok(Number(env.DRAIN_MS) < Number.parseInt(grace, 10) * 1000);
});

test('the image is built from every manifest that npm looks for, and no other file of them', () => {
  const ignored = read('.dockerignore');
  for (const folder of projectFolders(ROOT)) {
    if (!existsSync(join(ROOT, folder, 'package.json'))) continue;
    assert.ok(dockerfile.includes(`COPY ${folder}/package.json ${folder}/`), folder);
    const whole = new RegExp(`^!${folder}$`, 'm').test(ignored);
    assert.ok(whole || ignored.includes(`!${folder}/package.json`), `${folder} in .dockerignore`);
  }
});

test('the files that compose mounts are there', () => {
  const paths = services
    .flatMap(([, service]) => service.volumes ?? [])
    .map((volume) => volume.split(':')[0])
    .filter((path) => path.startsWith('./'));
  assert.ok(paths.length >= 7);
  for (const path of paths)
    assert.ok(execFileSync('ls', ['-d', join(ROOT, path)]).length > 0, path);
});
