import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { signalingMain } from '@peerdeck/harness/paths';
import { makeEnv } from './env-command.mjs';
import { environment } from './environment.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SECRETS = ['REDIS_PASSWORD', 'JWT_SECRET', 'TURN_SECRET', 'GRAFANA_PASSWORD'];

function workshop(t) {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-env-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, '.env');
  const tls = join(folder, 'secrets/tls');
  const said = [];
  const report = { line: (text) => said.push(text), done: (text) => said.push(text) };
  const make = (...args) => makeEnv([...args, '--out', file, '--tls-dir', tls], report);
  return { folder, file, tls, said, make, read: () => readFileSync(file, 'utf8') };
}

test('one command makes fresh secrets and a certificate for the host', async (t) => {
  const { file, tls, make, read, folder } = workshop(t);
  await make('--host', 'Play.Example.com', '--https-port', '8443');
  const env = parseEnv(read());
  assert.equal(env.DEPLOY_ORIGIN, 'https://play.example.com:8443');
  assert.equal(env.DEPLOY_ALLOWED_ORIGINS, env.DEPLOY_ORIGIN);
  const secrets = SECRETS.map((name) => env[`DEPLOY_${name}`]);
  for (const secret of secrets) assert.match(secret, /^[0-9a-f]{64}$/);
  assert.equal(new Set(secrets).size, SECRETS.length);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, 'secrets')).mode & 0o777, 0o700);
  const x509 = new X509Certificate(readFileSync(join(tls, 'site.pem')));
  assert.equal(x509.checkHost('play.example.com'), 'play.example.com');
  // Read by users of the containers, which are none of this machine's.
  assert.equal(statSync(join(tls, 'site.pem.key')).mode & 0o777, 0o644);
});

test('a private key goes to no place where others on this machine could read it', async (t) => {
  const { folder, file, tls, make } = workshop(t);
  await make('--host', 'a.example');
  for (const open of [folder, join(folder, 'secrets')]) chmodSync(open, 0o755);
  const before = readFileSync(join(tls, 'site.pem.key'), 'utf8');
  await assert.rejects(make('--host', 'a.example', '--certificate'), {
    message: /could read the private key/,
    remedy: /chmod 700 .*secrets/,
  });
  assert.equal(readFileSync(join(tls, 'site.pem.key'), 'utf8'), before);
  chmodSync(join(folder, 'secrets'), 0o700);
  await make('--host', 'a.example', '--certificate');
  assert.ok(existsSync(file));
});

test('an address gets a certificate for an address', async (t) => {
  const { tls, make } = workshop(t);
  await make('--host', '192.0.2.7');
  const x509 = new X509Certificate(readFileSync(join(tls, 'site.pem')));
  assert.equal(x509.checkIP('192.0.2.7'), '192.0.2.7');
});

test('a .env that is there stays, certificate included, unless --force says otherwise', async (t) => {
  const { tls, make, read } = workshop(t);
  await make('--host', 'a.example');
  const [before, pem] = [read(), readFileSync(join(tls, 'site.pem'), 'utf8')];
  await assert.rejects(make('--host', 'b.example'), { remedy: /--force/ });
  assert.equal(read(), before);
  assert.equal(readFileSync(join(tls, 'site.pem'), 'utf8'), pem);
  await make('--host', 'b.example', '--force');
  assert.match(read(), /^DEPLOY_HOST=b\.example$/m);
  for (const name of SECRETS) {
    assert.notEqual(parseEnv(read())[`DEPLOY_${name}`], parseEnv(before)[`DEPLOY_${name}`]);
  }
});

test('--certificate replaces the certificate alone', async (t) => {
  const { folder, tls, make, read } = workshop(t);
  await make('--host', 'a.example');
  const before = read();
  const own = { cert: join(folder, 'c.pem'), key: join(folder, 'k.pem') };
  writeFileSync(own.cert, readFileSync(join(tls, 'site.pem')));
  writeFileSync(own.key, readFileSync(join(tls, 'site.pem.key')));
  await make('--host', 'b.example', '--certificate');
  assert.notEqual(readFileSync(join(tls, 'site.pem'), 'utf8'), readFileSync(own.cert, 'utf8'));
  await assert.rejects(
    make('--certificate', '--cert', own.cert, '--key', join(tls, 'site.pem.key')),
    {
      message: /does not belong/,
    },
  );
  await make('--certificate', '--cert', own.cert, '--key', own.key);
  assert.equal(readFileSync(join(tls, 'site.pem'), 'utf8'), readFileSync(own.cert, 'utf8'));
  assert.equal(read(), before);
});

test('what cannot be done leaves nothing behind and says what helps', async (t) => {
  const { file, tls, make } = workshop(t);
  await assert.rejects(make(), { message: /--host is missing/ });
  await assert.rejects(make('--host', 'https://a.example'), { remedy: /play\.example\.com/ });
  await assert.rejects(make('--host', 'a.example', '--cert', '/nowhere.pem'), {
    message: /go together/,
  });
  await assert.rejects(make('--certificate'), { message: /--host is missing/ });
  assert.ok(!existsSync(file) && !existsSync(join(tls, 'site.pem')));
});

test('no variable means anything to others that read .env', () => {
  const taken = readFileSync(join(ROOT, 'apps/signaling/.env.example'), 'utf8').match(
    /^\w+(?==)/gm,
  );
  const made = environment({ host: 'a.example', tlsFolder: '/x' }).match(/^\w+(?==)/gm);
  for (const name of made) {
    assert.match(name, /^(DEPLOY_|COMPOSE_PROJECT_NAME$)/);
    assert.ok(!taken.includes(name), name);
  }
});

test('signaling for development starts beside a .env for compose as without it', async (t) => {
  const { folder, make } = workshop(t);
  await make('--host', 'play.example.com');
  const flags = ['--conditions=@peerdeck/source', signalingMain];
  const env = {
    PRETTY_LOGS: 'false',
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    WS_PORT: '0',
    HEALTH_PORT: '0',
  };
  const child = spawn(process.execPath, flags, {
    ...{ cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const ready = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('close', (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
  assert.ok(ready.port > 0);
  assert.match(output, /"bus":"memory"/);
  assert.doesNotMatch(output, /"level":"(warn|error)"/);
});
