import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../testing/certificate.ts';
import { startService, type TestService } from '../testing/harness.ts';
import { Peer } from '../testing/peer.ts';
import { RawClient } from '../testing/raw-client.ts';

let server: TestService;
let folder: string;
let site: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerdeck-site-'));
  site = join(folder, 'site');
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>Peerdeck</title>');
  writeFileSync(join(site, 'assets', 'index-BXVs1UmA.js'), `// ${'long '.repeat(500)}`);
  writeFileSync(join(site, '.secret'), 'hidden');
  writeFileSync(join(folder, 'outside.txt'), 'outside');
  symlinkSync(join(folder, 'outside.txt'), join(site, 'link.txt'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
afterEach(() => server.close());

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The path goes out as it is written: fetch would tidy it. */
function get(path: string, headers = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = server.service;
    const asked = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    asked.on('error', reject).end();
  });
}

describe('with BASE_PATH', () => {
  beforeEach(async () => {
    server = await startService({ STATIC_DIR: site, BASE_PATH: '/my/desk/' });
  });

  test('the page is there whether a proxy takes the path off or leaves it on', async () => {
    for (const base of ['', '/my/desk']) {
      expect(await get(`${base}/`)).toMatchObject({
        status: 200,
        body: expect.stringContaining('<title>Peerdeck') as string,
      });
      expect(await get(`${base}/config.json`)).toMatchObject({ status: 200, body: '{}\n' });
      const asset = await get(`${base}/assets/index-BXVs1UmA.js`);
      expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
  });

  test('without the slash at its end it leads to the page', async () => {
    for (const [asked, Location] of [
      ['/my/desk', '/my/desk/'],
      ['/my/desk?a=b', '/my/desk/?a=b'],
    ] as const) {
      expect(await get(asked)).toMatchObject({ status: 308, headers: { location: Location } });
    }
  });

  test('what only begins like it is nothing, and no way leads out of the folder', async () => {
    for (const path of [
      '/my/deskassets/',
      '/my/',
      '/my/desk/../outside.txt',
      '/my/desk//my/desk/',
    ]) {
      expect(await get(path)).toMatchObject({ status: 404 });
    }
    for (const path of ['/my/desk/link.txt', '/my/desk/.secret', '/my/desk/%2e%2e/outside.txt']) {
      expect((await get(path)).status).toBe(404);
    }
  });
});

describe('with FRAME_ANCESTORS', () => {
  test.each([
    ['', "'none'", 'DENY'],
    ['none', "'none'", 'DENY'],
    ["'self'", "'self'", 'SAMEORIGIN'],
    // Browsers take the older header over nothing, so it must not be there.
    [
      'https://intra.example.com, https://*.example.org:8443',
      'https://intra.example.com https://*.example.org:8443',
      undefined,
    ],
  ])('%s', async (given, sources, options) => {
    server = await startService({ STATIC_DIR: site, FRAME_ANCESTORS: given });
    for (const path of ['/', '/nothing-there']) {
      const { headers } = await get(path);
      const policy = String(headers['content-security-policy']).split('; ');
      expect(policy.filter((one) => one.startsWith('frame-ancestors'))).toEqual([
        `frame-ancestors ${sources}`,
      ]);
      expect(headers['x-frame-options']).toBe(options);
    }
  });
});

describe('with STATIC_DIR', () => {
  beforeEach(async () => {
    server = await startService({ STATIC_DIR: site });
  });

  test('the page comes fresh and guarded, hashed assets for ever', async () => {
    const page = await get('/');
    expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>Peerdeck</title>' });
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
    const policy = page.headers['content-security-policy'];
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("connect-src 'self' ws: wss:");
    expect(policy).toContain("frame-ancestors 'none'");
    const asset = await get('/assets/index-BXVs1UmA.js');
    expect(asset.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });

  test('an unchanged file is 304, a changed one is seen at once', async () => {
    const path = join(site, 'changing.txt');
    writeFileSync(path, 'one');
    const first = await get('/changing.txt');
    const known = { 'If-None-Match': first.headers.etag };
    expect(await get('/changing.txt', known)).toMatchObject({ status: 304, body: '' });
    writeFileSync(path, 'another');
    expect(await get('/changing.txt', known)).toMatchObject({ status: 200, body: 'another' });
  });

  test('a tag is known in a list, as a weak one, and by *', async () => {
    const { etag = '' } = (await get('/')).headers;
    const status = async (tags: string) => (await get('/', { 'If-None-Match': tags })).status;
    // A proxy that compresses by itself makes the tag a weak one (RFC 9110, 13.1.2).
    for (const tags of [`W/${etag}`, `"a", W/"b",${etag}`, '*'])
      expect(await status(tags)).toBe(304);
    for (const tags of ['"a"', etag.slice(1), `"${etag}"`, ''])
      expect(await status(tags)).toBe(200);
  });

  test('a range that is asked for gets the whole: nobody waits for a part', async () => {
    for (const Range of ['bytes=0-3', 'bytes=99999999-', 'bytes=-1', 'lines=1', 'bytes=']) {
      const answer = await get('/', { Range });
      expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('</title>') });
    }
  });

  test('text is compressed for who takes it', async () => {
    const path = '/assets/index-BXVs1UmA.js';
    const brotli = await get(path, { 'Accept-Encoding': 'gzip, br' });
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(Number(brotli.headers['content-length'])).toBeLessThan(200);
    const gzip = await get(path, { 'Accept-Encoding': 'gzip, br;q=0' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect((await get(path)).headers['content-encoding']).toBeUndefined();
  });

  test('a folder without config.json gets one; one of its own wins', async () => {
    expect(await get('/config.json')).toMatchObject({ status: 200, body: '{}\n' });
    writeFileSync(join(site, 'config.json'), '{"signalingUrl":"wss://s.example"}');
    expect((await get('/config.json')).body).toContain('s.example');
    rmSync(join(site, 'config.json'));
  });

  test.each([
    '/../outside.txt',
    '/assets/../../outside.txt',
    '/%2e%2e/outside.txt',
    '/..%2foutside.txt',
    '/%2e%2e%5coutside.txt',
    '/..\\outside.txt',
    '//etc/passwd',
    '/link.txt',
    '/.secret',
    '/assets',
    '/assets/',
    '/index.html%00.txt',
    '/%',
    '/nothing',
    '/assets/..%2f..%2foutside.txt',
    '/%252e%252e/outside.txt',
    '/./index.html',
    '/index.html/',
    '/%ff%fe',
    `/${'x'.repeat(5000)}`,
    `/${'x/'.repeat(4000)}`,
    'http://127.0.0.1/outside.txt',
  ])('%s leads nowhere', async (path) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status: 404, body: 'Not found\n' });
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  test('HEAD has no body, other methods are refused', async () => {
    expect(await get('/', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect(await get('/', {}, 'POST')).toMatchObject({ status: 405 });
  });

  test('WebSockets still get in', async () => {
    expect(await (await server.v2()).next()).toMatchObject({ type: 'hello' });
  });
});

test('without STATIC_DIR anything but a WebSocket is 426', async () => {
  server = await startService();
  for (const path of ['/', '/index.html', '/healthz', '/metrics']) {
    expect((await get(path)).status).toBe(426);
  }
});

test('a handshake that is none is 400, a version that is unknown too', async () => {
  server = await startService();
  const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' };
  expect((await get('/?roomId=a', upgrade)).status).toBe(400);
  const key = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '7' };
  expect((await get('/?roomId=a', { ...upgrade, ...key })).status).toBe(400);
});

test('health, readiness and metrics are on their own port', async () => {
  server = await startService();
  const base = `http://127.0.0.1:${server.service.healthPort}`;
  expect(await (await fetch(`${base}/healthz`)).json()).toEqual({ status: 'ok' });
  expect(await (await fetch(`${base}/readyz`)).json()).toEqual({ status: 'ready', bus: 'ok' });
  const metrics = await fetch(`${base}/metrics`);
  expect(metrics.headers.get('content-type')).toContain('text/plain');
  expect(await metrics.text()).toContain('signaling_connections{protocol="v2"} 0');
  expect((await fetch(`${base}/other`)).status).toBe(404);
  expect((await fetch(base, { method: 'POST' })).status).toBe(405);
});

describe('TLS', () => {
  const pem = () => {
    const { cert, key } = makeCertificate(folder);
    return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
  };

  test('wss works, ws on the same port does not, and the URL says https', async () => {
    server = await startService({ ...pem(), REQUIRE_WSS: 'true' });
    expect(server.service.url).toBe(`https://127.0.0.1:${server.service.port}`);
    const peer = await Peer.open(server.url, ['peerdeck.v2'], { rejectUnauthorized: false });
    expect(await peer.next()).toMatchObject({ type: 'hello' });
    const plain = server.url.replace('wss:', 'ws:');
    await expect(Peer.open(plain, ['peerdeck.v2'])).rejects.toThrow();
  });

  test('a key that does not fit, and a file that is not there, are named', async () => {
    server = await startService();
    const files = pem();
    const other = join(folder, 'other.pem');
    writeFileSync(other, 'not a key');
    await expect(startService({ ...files, TLS_KEY_FILE: other })).rejects.toThrow('TLS_KEY_FILE=');
    const missing = join(folder, 'missing.pem');
    await expect(startService({ ...files, TLS_CERT_FILE: missing })).rejects.toThrow(
      `TLS_CERT_FILE="${missing}" is not allowed`,
    );
  });
});

test('HEALTH_PORT cuts off who is slow too', async () => {
  server = await startService({ HANDSHAKE_TIMEOUT_MS: '300' });
  const { healthPort } = server.service;
  for (const first of ['', 'GET /metrics HTTP/1.1\r\nHost: x\r\n']) {
    const client = new RawClient(healthPort);
    if (first !== '') client.write(first);
    await client.gone;
  }
  expect((await fetch(`http://127.0.0.1:${healthPort}/healthz`)).status).toBe(200);
});
