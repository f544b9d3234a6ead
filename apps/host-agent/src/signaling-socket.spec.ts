import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { signalingSocket } from './signaling-socket.ts';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

describe('signalingSocket', () => {
  let folder: string;
  let server: Server;
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });

  /** A certificate for another name than the one that is connected to. */
  function selfSigned(name: string): void {
    const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
    openssl('req', '-x509', ...EC, '-days', '2', '-subj', `/CN=${name}`, ...files);
  }

  function signed(name: string, authority: string): void {
    const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`)];
    openssl('req', ...EC, '-subj', '/CN=desk.example.com', ...files);
    const by = ['-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}.key`)];
    const out = ['-CAcreateserial', '-days', '2', '-out', file(`${name}.pem`)];
    openssl('x509', '-req', '-in', file(`${name}.csr`), ...by, ...out);
  }

  async function serve(name: string): Promise<string> {
    const cert = readFileSync(file(`${name}.pem`));
    server = createServer({ cert, key: readFileSync(file(`${name}.key`)) });
    new WebSocketServer({ server });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `wss://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** 'open', or what was wrong. */
  function connect(certificateFile: string, url: string): Promise<string> {
    const socket = new (signalingSocket(certificateFile))(url);
    return new Promise((resolve) => {
      socket.once('open', () => {
        socket.terminate();
        resolve('open');
      });
      socket.once('error', (error) => {
        resolve(error.message);
      });
    });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'peerdeck-pin-'));
  });

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('trusts the one certificate that it was given, whatever its name and its signer', async () => {
    selfSigned('authority');
    signed('site', 'authority');
    const url = await serve('site');
    expect(await connect('', url)).not.toBe('open');
    expect(await connect(file('site.pem'), url)).toBe('open');
  });

  it('trusts no other, not even one of the same signer and name', async () => {
    selfSigned('authority');
    signed('site', 'authority');
    signed('other', 'authority');
    selfSigned('stranger');
    const url = await serve('other');
    expect(await connect(file('site.pem'), url)).not.toBe('open');
    expect(await connect(file('authority.pem'), url)).toContain('another certificate');
    expect(await connect(file('stranger.pem'), url)).not.toBe('open');
    expect(process.env['NODE_TLS_REJECT_UNAUTHORIZED']).toBeUndefined();
  });

  it('takes a renewed one from the file with the next connection', async () => {
    selfSigned('old');
    selfSigned('new');
    copyFileSync(file('old.pem'), file('current.pem'));
    const Socket = signalingSocket(file('current.pem'));
    const url = await serve('new');
    copyFileSync(file('new.pem'), file('current.pem'));
    const socket = new Socket(url);
    await once(socket, 'open');
    socket.terminate();
  });

  it('names the setting when the file is none', () => {
    expect(() => signalingSocket(file('absent.pem'))).toThrow(/client\.certificateFile: .*ENOENT/);
    writeFileSync(file('text.pem'), 'no certificate');
    expect(() => signalingSocket(file('text.pem'))).toThrow(/client\.certificateFile/);
  });
});
