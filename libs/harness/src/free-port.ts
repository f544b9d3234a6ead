import { createServer } from 'node:net';

/**
 * A TCP port that nobody listens on, for a server that is started on it a moment later. Not of the
 * range of outgoing connections (32768 and up), one of which could take it meanwhile; nor is the port
 * 10,000 above it, which a server of a Redis Cluster takes too.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const bound = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, address, () => resolve(true));
    });
    if (!bound) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
