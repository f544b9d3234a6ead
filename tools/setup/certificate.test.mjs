import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificate } from './certificate.mjs';
import { certificateName, tlsSettings } from './tls.mjs';

const addresses = ['192.168.1.20'];
const DAY_MS = 86_400_000;

function folder(t) {
  const root = mkdtempSync(join(tmpdir(), 'peerdeck-tls-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

test('a generated certificate serves https to a client that trusts it', async (t) => {
  const { cert, key } = await certificate({ root: folder(t), addresses });
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const ca = readFileSync(cert);
  const server = createServer({ cert: ca, key: readFileSync(key) }, (_, response) =>
    response.end('hello'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const request = get({ host: '127.0.0.1', port: server.address().port, ca, agent: false });
  const [response] = await once(request, 'response');
  assert.equal(response.statusCode, 200);
  response.resume();
});

test('it names localhost and every address, and lasts as long as browsers allow', async (t) => {
  const { cert } = await certificate({ root: folder(t), addresses });
  const x509 = new X509Certificate(readFileSync(cert));
  for (const ip of ['127.0.0.1', '192.168.1.20']) assert.equal(x509.checkIP(ip), ip);
  assert.equal(x509.checkHost('localhost'), 'localhost');
  const days = (Date.parse(x509.validTo) - Date.parse(x509.validFrom)) / DAY_MS;
  assert.ok(days > 390 && days <= 398, String(days));
});

test('it is kept, and made anew for a new address or before it expires', async (t) => {
  const root = folder(t);
  const make = async (more) => {
    const { cert } = await certificate({ root, addresses, ...more });
    return new X509Certificate(readFileSync(cert)).serialNumber;
  };
  const first = await make();
  assert.equal(await make(), first);
  const second = await make({ addresses: [...addresses, '10.0.0.3'] });
  assert.notEqual(second, first);
  assert.equal(await make({ addresses: ['10.0.0.3'] }), second);
  assert.notEqual(await make({ now: Date.now() + 395 * DAY_MS }), second);
});

test("a certificate of the user's is checked against its key", async (t) => {
  const root = folder(t);
  const own = await certificate({ root, addresses });
  const other = await certificate({ root: join(root, 'other'), addresses });
  const good = await certificate({ root, cert: own.cert, key: own.key, addresses });
  assert.equal(good.generated, false);
  const check = (more) => certificate({ root, addresses, ...more });
  await assert.rejects(check({ cert: own.cert }), /go together/);
  await assert.rejects(check({ cert: own.cert, key: other.key }), /does not belong/);
  await assert.rejects(check({ cert: '/nowhere.pem', key: own.key }), /ENOENT/);
  await assert.rejects(check({ cert: own.key, key: own.key }), /PEM/);
});

test('the page is named as the certificate says, and the agent trusts that one alone', async (t) => {
  const root = folder(t);
  const none = await tlsSettings({ root, options: { https: false }, addresses });
  assert.equal(none, undefined);
  const generated = await tlsSettings({ root, options: { https: true }, addresses });
  const given = { https: true, cert: generated.cert, key: generated.key };
  const own = await tlsSettings({ root, options: given, addresses });
  for (const { agentEnvironment, cert } of [generated, own]) {
    assert.deepEqual(agentEnvironment, { PEERDECK_CLIENT_CERTIFICATE_FILE: cert });
  }
  assert.equal(own.name, 'localhost');
  assert.equal(certificateName(readFileSync(own.cert)), 'localhost');
});
