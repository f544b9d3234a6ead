import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

/** What a browser gets. */
export async function checkPage({ table, origin, host, ports, ca }) {
  const get = (path, headers = {}) => ask(httpsRequest, `${origin}${path}`, { ca, headers });
  await table.check('the page comes over TLS, with its security headers', async () => {
    const { status, headers, body } = await get('/');
    assert.equal(status, 200);
    assert.match(headers['content-security-policy'], /default-src 'self'/);
    assert.match(headers['strict-transport-security'], /max-age=31536000/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    const script = /src="\.?\/?(assets\/[^"]+\.js)"/.exec(body)?.[1];
    const file = await get(`/${script}`, { 'Accept-Encoding': 'br' });
    assert.equal(file.status, 200);
    assert.equal(file.headers['content-encoding'], 'br');
    assert.match(file.headers['cache-control'], /immutable/);
    assert.equal((await get('/config.json')).body.trim(), '{}');
  });
  await table.check('plain http leads to https on the configured host', async () => {
    const url = `http://${host}:${ports['http-port']}/a?b=c`;
    const { status, headers } = await ask(httpRequest, url, { headers: { Host: 'evil.example' } });
    assert.equal(status, 308);
    assert.equal(headers.location, `${origin}/a?b=c`);
  });
  await table.check('health, readiness and metrics are not to be had outside', async () => {
    for (const path of ['/healthz', '/readyz', '/servez', '/metrics']) {
      assert.equal((await get(path)).status, 404, path);
    }
  });
  await table.check('whoever sends headers drop by drop is cut off', () => slowHeaders(ports));
}

/** Sends one header line a second and never ends; the proxy must answer 408 or hang up. */
function slowHeaders(ports) {
  return new Promise((resolve, reject) => {
    const socket = connect(ports['http-port'], '127.0.0.1');
    const began = performance.now();
    let lines = 0;
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const drip = setInterval(() => socket.write(`X-${lines++}: 1\r\n`), 1000);
    const timer = setTimeout(() => end(new Error('still open after 30 s')), 30_000);
    const end = (error) => {
      clearInterval(drip);
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve(`after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    };
    socket.on('error', () => end());
    socket.on('data', () => {});
    socket.on('end', () => end());
  });
}

export function ask(request, url, options) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
