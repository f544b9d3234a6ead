import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { basePathOf } from './web-url.mjs';
import { allowedOrigins, moveLink, pageOrigins, shownLinks } from './links.mjs';
import { choosePort, lanAddresses, origin, portError } from './network.mjs';

const host = '127.0.0.1';

async function listening(t) {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => server.close());
  return server.address().port;
}

test('a port in use is an error with a remedy when it was asked for', async (t) => {
  const port = await listening(t);
  assert.equal(await portError(port, host), 'EADDRINUSE');
  await assert.rejects(choosePort({ port, host }), {
    message: `Port ${port} is in use by another program.`,
    remedy: /--port P/,
  });
});

test('a default port in use gives way to the next free one, and that is told', async (t) => {
  const first = await listening(t);
  const taken = [];
  const port = await choosePort({ host, first, onTaken: (busy) => taken.push(busy) });
  assert.ok(port > first);
  assert.equal(taken[0], first);
  assert.equal(await portError(port, host), undefined);
});

test('an address of another machine is told as such', async () => {
  const elsewhere = { port: 40_000, host: '192.0.2.1' }; // TEST-NET-1, RFC 5737
  await assert.rejects(choosePort(elsewhere), {
    message: '192.0.2.1 is no address of this machine.',
    remedy: /127\.0\.0\.1/,
  });
});

const lan = { family: 'IPv4', internal: false, address: '192.168.1.20' };

test('LAN addresses leave out loopback, IPv6 and container bridges', () => {
  const interfaces = {
    lo: [{ family: 'IPv4', internal: true, address: '127.0.0.1' }],
    eth0: [lan, { family: 'IPv6', internal: false, address: 'fe80::1' }],
    docker0: [{ family: 'IPv4', internal: false, address: '172.17.0.1' }],
    'br-1234': [{ family: 'IPv4', internal: false, address: '172.18.0.1' }],
  };
  assert.deepEqual(lanAddresses(interfaces), ['192.168.1.20']);
});

test('links name localhost for this machine and every LAN address for others', () => {
  const common = { port: 8080, https: false, addresses: ['192.168.1.20', '10.0.0.3'] };
  assert.deepEqual(pageOrigins({ ...common, host: '0.0.0.0' }), {
    local: 'http://localhost:8080',
    lan: ['http://192.168.1.20:8080', 'http://10.0.0.3:8080'],
  });
  assert.deepEqual(pageOrigins({ ...common, host }), { local: 'http://localhost:8080', lan: [] });
  const name = 'deck.example.com';
  assert.deepEqual(pageOrigins({ ...common, host: '0.0.0.0', https: true, name }), {
    local: 'https://deck.example.com:8080',
    lan: ['https://deck.example.com:8080'],
  });
});

test('a link keeps its fragment, which holds the code, when it moves', () => {
  const link = 'http://192.168.1.20:8080/#c=ABCD-EFGH&h=x_-y';
  assert.equal(moveLink(link, 'https://localhost:1'), 'https://localhost:1/#c=ABCD-EFGH&h=x_-y');
  const elsewhere = `${link}&s=ws%3A%2F%2F127.0.0.1%3A8080`;
  assert.equal(
    moveLink(elsewhere, 'http://10.0.0.3:8080'),
    'http://10.0.0.3:8080/#c=ABCD-EFGH&h=x_-y',
  );
  assert.equal(origin({ https: true, host: '::1', port: 5 }), 'https://[::1]:5');
});

test('every name that leads here is a page of our own, and no name that no URL can have', () => {
  const common = { port: 8080, addresses: ['192.168.1.20', '172.17.0.1', '2001:db8::5'] };
  const all = allowedOrigins({ ...common, host: '0.0.0.0' });
  for (const host of ['localhost', '127.0.0.1', '[::1]', '192.168.1.20', '[2001:db8::5]']) {
    for (const scheme of ['http', 'https']) assert.ok(all.includes(`${scheme}://${host}:8080`));
  }
  const here = allowedOrigins({ ...common, host: '127.0.0.1' });
  assert.ok(!here.some((allowed) => allowed.includes('192.168')));
  const names = ['*.example.com', 'f*.example.com', 'no name', ''];
  const named = allowedOrigins({ ...common, host, names, named: ['https://far.example'] });
  assert.deepEqual(
    named.filter((allowed) => !/localhost|127\.0|::1/.test(allowed)),
    ['http://*.example.com:8080', 'https://*.example.com:8080', 'https://far.example'],
  );
});

test('links lead to where --web-url says that the page is, path and name', () => {
  const agentOrigin = 'http://127.0.0.1:8080';
  const origins = { local: 'http://localhost:8080', lan: ['http://192.168.1.20:8080'] };
  const of = (page) => ({
    viewerUrl: `${page}#c=ABCD&s=ws%3A%2F%2F127.0.0.1%3A8080`,
    viewUrl: `${page}#v=V-ABCD&s=ws%3A%2F%2F127.0.0.1%3A8080`,
  });
  assert.deepEqual(shownLinks(of('https://host.example/desk/'), { agentOrigin, origins }), {
    local: 'https://host.example/desk/#c=ABCD',
    watch: 'https://host.example/desk/#v=V-ABCD',
    lan: [],
  });
  assert.deepEqual(shownLinks(of(`${agentOrigin}/`), { agentOrigin, origins }), {
    local: 'http://localhost:8080/#c=ABCD',
    watch: 'http://192.168.1.20:8080/#v=V-ABCD',
    lan: ['http://192.168.1.20:8080/#c=ABCD'],
  });
});

test('signaling is told the path of --web-url, where it takes one like it', () => {
  for (const [url, path] of [
    ['https://host.example', ''],
    ['https://host.example/', ''],
    ['https://host.example/my/desk/', '/my/desk'],
    ['https://host.example/my/desk/index.html', '/my/desk'],
    ['https://host.example/d%20k/', ''],
  ]) {
    assert.equal(basePathOf(url), path, url);
  }
});
