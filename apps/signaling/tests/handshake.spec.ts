import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bystanders } from '../src/testing/bystanders.ts';
import { startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';
import { OPCODE, RawClient, rawFrame, upgrade } from '../src/testing/raw-client.ts';

/*
 * What comes before a WebSocket is one: each wrong handshake has an end and is counted, and every
 * room goes on meanwhile.
 */

let server: TestService;
let bystanders: Bystanders;
const clients: RawClient[] = [];

async function start(env: Record<string, string> = {}): Promise<void> {
  server = await startService(env);
  bystanders = await Bystanders.start(server);
}
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await bystanders.unharmed();
  await bystanders.stop();
  await server.close();
});

function raw(options?: { halfOpen?: boolean }): RawClient {
  const client = new RawClient(server.service.port, options);
  clients.push(client);
  return client;
}

const rejected = (reason: string) =>
  server.metric(`signaling_connections_rejected_total{reason="${reason}"}`);

const tcp = () => server.metric('signaling_tcp_connections');

describe('slow handshakes', () => {
  test.each([
    ['a connection that says nothing', ''],
    ['a request line that does not end', 'GET /?roomId=a'],
    ['headers drop by drop', 'GET /?roomId=a HTTP/1.1\r\nHost: x\r\n'],
    ['a body drop by drop', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n'],
  ])('%s: cut off and counted', async (_name, first) => {
    await start({ HANDSHAKE_TIMEOUT_MS: '800' });
    const client = raw();
    if (first !== '') client.write(first);
    const drip = setInterval(() => {
      if (first !== '') client.write('X');
    }, 20);
    await client.gone;
    clearInterval(drip);
    if (!first.startsWith('POST')) expect(await rejected('handshake')).toBe(1);
  });

  test('200 of them at once keep nobody out', async () => {
    await start({ HANDSHAKE_TIMEOUT_MS: '500' });
    const slow = Array.from({ length: 200 }, () => raw());
    for (const client of slow) client.write('GET / HTTP/1.1\r\nX: ');
    const peer = await server.v2();
    expect(await peer.next()).toMatchObject({ type: 'hello' });
    peer.socket.terminate();
    await Promise.all(slow.map((client) => client.gone));
  });

  test('a TLS handshake that stalls is cut off and counted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peerdeck-handshake-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    const tls = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
    server = await startService({ ...tls, HANDSHAKE_TIMEOUT_MS: '800' });
    const open = () => Peer.open(server.url, ['peerdeck.v2'], { rejectUnauthorized: false });
    bystanders = await Bystanders.start({ ...server, v2: open });
    // The beginning of a ClientHello, plain HTTP, and nothing.
    const beginnings = [Buffer.from([0x16, 3, 1, 2, 0, 1]), 'GET / HTTP/1.1\r\n\r\n', ''];
    const stalled = beginnings.map((first) => {
      const client = raw();
      if (first !== '') client.write(first);
      return client.gone;
    });
    await Promise.all(stalled);
    expect(await rejected('tls')).toBe(3);
    rmSync(folder, { recursive: true, force: true });
  });

  test('an upgrade that is followed by no join is closed with 4014', async () => {
    await start({ HANDSHAKE_TIMEOUT_MS: '800' });
    const client = await RawClient.v2(server.service.port);
    clients.push(client);
    // Alive, and answering: only a join helps.
    const drip = setInterval(() => {
      client.frame({ opcode: OPCODE.pong });
    }, 50);
    expect(await client.closeCode()).toBe(4014);
    clearInterval(drip);
    client.destroy();
    expect(await server.metric('signaling_closes_total{code="4014",by="server"}')).toBe(1);
  });

  test('a page that is never read does not keep its connection', async () => {
    const site = mkdtempSync(join(tmpdir(), 'peerdeck-slow-'));
    writeFileSync(join(site, 'index.html'), 'page');
    writeFileSync(join(site, 'big.bin'), Buffer.alloc(16 * 1024 * 1024, 1));
    await start({ STATIC_DIR: site, HANDSHAKE_TIMEOUT_MS: '800' });
    const client = raw();
    client.socket.pause();
    client.write('GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(async () => (await tcp()) === 3);
    await until(async () => (await tcp()) === 2);
    rmSync(site, { recursive: true, force: true });
  });
});

describe('wrong handshakes', () => {
  test.each([
    ['no HTTP', '\x16\x03\x01\x02\x00 rubbish\r\n\r\n', '400'],
    ['headers of 100 KB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`, '431'],
    ['a URL of 100 KB', `GET /?roomId=${'y'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, '431'],
    ['5000 headers', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(5000)}\r\n`, '431'],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n', '400'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
    ],
    ['no key', upgrade('/?roomId=a').replace(/Sec-WebSocket-Key.*\r\n/, ''), '400'],
    ['a key that is none', upgrade('/').replace(/Key: .*\r\n/, 'Key: short\r\n'), '400'],
    ['another version', upgrade('/').replace('Version: 13', 'Version: 99'), '400'],
    ['a subprotocol of another form', upgrade('/', ['Sec-WebSocket-Protocol: a b,,']), '400'],
    ['the same subprotocol twice', upgrade('/', ['Sec-WebSocket-Protocol: x, x']), '400'],
    ['a POST that upgrades', upgrade('/').replace('GET', 'POST'), '405'],
  ])('%s: answered, ended and counted', async (_name, text, status) => {
    await start();
    const client = raw();
    client.write(Buffer.from(text, 'latin1'));
    expect(await client.head()).toContain(`HTTP/1.1 ${status}`);
    client.socket.end();
    await client.gone;
    expect(await rejected('handshake')).toBe(1);
  });

  test('another upgrade than to WebSocket is none: the request is answered', async () => {
    await start();
    const client = raw();
    client.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n',
    );
    expect(await client.head()).toContain('HTTP/1.1 426');
  });

  test('many requests in one packet are answered one by one', async () => {
    await start();
    const client = raw();
    client.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50) + upgrade('/?roomId='));
    expect(await client.head()).toContain('426');
    await client.gone;
    expect(await rejected('room-id')).toBe(1);
  });

  test('while the service drains a handshake is answered with 503, and does not stay', async () => {
    await start();
    const { service } = server;
    const held = raw({ halfOpen: true });
    held.write('GET /?roomId=a HTTP/1.1\r\n');
    await until(async () => (await tcp()) === 3);
    const drained = service.drain();
    held.write(upgrade('/?roomId=a').split('\r\n').slice(1).join('\r\n'));
    expect(await held.head()).toContain('HTTP/1.1 503');
    await until(async () => (await tcp()) <= 2);
    await bystanders.stop();
    await drained;
    await start();
  });

  test('a socket that resets in the middle of its upgrade leaves nothing', async () => {
    await start();
    for (let count = 0; count < 100; count += 1) {
      const socket = connect(server.service.port, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write(upgrade(`/?roomId=r${count}`));
      if (count % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await until(async () => (await server.metric('signaling_rooms{kind="original"}')) === 0);
  });
});

describe('refused sockets', () => {
  test.each([
    ['origin', '/?roomId=a', ['Origin: https://evil.example'], 1008],
    ['subprotocol', '/?roomId=a', ['Sec-WebSocket-Protocol: mqtt'], 1008],
    ['room-id', '/?roomId=', [], 1008],
  ])(
    '%s: a bad frame, a flood and a half-close do no harm',
    async (reason, path, headers, code) => {
      await start({ ALLOWED_ORIGINS: 'https://play.example.com' });
      const bad = Buffer.from([0xff, 0xff, 0xff, 0xff]);
      const flood = Buffer.concat(
        Array<Buffer>(1000).fill(rawFrame({ opcode: OPCODE.ping, payload: 'x' })),
      );
      for (const rest of [bad, flood, Buffer.alloc(0)]) {
        const client = raw({ halfOpen: true });
        client.write(Buffer.concat([Buffer.from(upgrade(path, headers)), rest]));
        expect(await client.closeCode()).toBe(code);
        client.socket.end();
        await client.gone;
      }
      expect(await rejected(reason)).toBe(3);
      expect(await server.metric('signaling_members{state="connected"}')).toBe(2);
    },
  );

  test('that linger take no place of others, and are bounded', async () => {
    await start({ MAX_CONNECTIONS: '10', RATE_LIMIT_CONN_PER_10S: '3' });
    // The bystanders took two of the three.
    const first = await server.v2();
    const refused = Array.from({ length: 300 }, () => raw());
    for (const client of refused)
      client.write(upgrade('/', ['Sec-WebSocket-Protocol: peerdeck.v2']));
    await Promise.all(refused.map((client) => client.head()));
    expect(await rejected('overloaded')).toBe(0);
    // One place comes back every three seconds.
    expect(await rejected('rate-limited')).toBeGreaterThan(290);
    expect(server.service.sockets.size).toBeLessThanOrEqual(10 + 256);
    expect(await first.next()).toMatchObject({ type: 'hello' });
    first.socket.terminate();
  });
});

describe('one address', () => {
  test('has MAX_CONNECTIONS_PER_IP places, told apart behind a trusted proxy', async () => {
    await start({ MAX_CONNECTIONS_PER_IP: '2', TRUSTED_PROXIES: '127.0.0.1' });
    const from = (address: string, protocols = ['peerdeck.v2']) =>
      Peer.open(`${server.url}/?roomId=a`, protocols, { headers: { 'X-Forwarded-For': address } });
    const two = [await from('203.0.113.1'), await from('203.0.113.1')];
    const third = await from('203.0.113.1');
    expect(await third.next()).toMatchObject({ type: 'error', code: 'rate-limited', fatal: true });
    expect((await third.closed).code).toBe(4008);
    const original = await from('203.0.113.1', []);
    expect(await original.closed).toEqual({ code: 1013, reason: 'Too many connections' });
    expect(await rejected('per-address')).toBe(2);
    const other = await from('203.0.113.2');
    expect(await other.next()).toMatchObject({ type: 'hello' });
    for (const peer of two) peer.socket.terminate();
    await until(async () => (await server.metric('signaling_connections{protocol="v2"}')) === 3);
    const again = await from('203.0.113.1');
    expect(await again.next()).toMatchObject({ type: 'hello' });
    for (const peer of [other, again]) peer.socket.terminate();
  });

  test('has twice as many TCP connections, whatever it says on them', async () => {
    await start({ MAX_CONNECTIONS_PER_IP: '4' });
    // The bystanders have two of the eight.
    const silent = Array.from({ length: 20 }, () => raw());
    await until(async () => (await rejected('tcp')) === 14);
    await until(async () => (await tcp()) === 8);
    for (const client of silent) client.destroy();
    await until(async () => (await tcp()) === 2);
    const peer = await server.v2();
    expect(await peer.next()).toMatchObject({ type: 'hello' });
    peer.socket.terminate();
  });
});
