import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { listen } from './listening.ts';

const CROWD = 1500;
const QUEUE = '/proc/sys/net/core/somaxconn';
const ESTABLISHED = '01';

function queueOfTheSystem(): number {
  try {
    return Number(readFileSync(QUEUE, 'utf8'));
  } catch {
    return 0;
  }
}

/** Of the connections to a loopback port, those that the system has taken for it. */
function taken(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n');
  return lines.filter((line) => {
    const [, , to, state] = line.trim().split(/\s+/);
    return state === ESTABLISHED && to?.endsWith(suffix) === true;
  }).length;
}

const test = queueOfTheSystem() >= CROWD ? it : it.skip;

// What does not fit is dropped, and its sender tries again after a second, then after three.
test(`a crowd of ${CROWD} at once waits in the queue of the system (needs ${QUEUE} of that)`, async () => {
  const server = createServer();
  const variables = { host: 'HOST', port: 'WS_PORT' };
  const port = await listen({ server, host: '127.0.0.1', port: 0, variables, onError: () => {} });
  const crowd: Socket[] = [];
  try {
    for (let i = 0; i < CROWD; i += 1) crowd.push(connect(port, '127.0.0.1'));
    const connected = crowd.map((socket) => once(socket, 'connect'));
    // After all of these have begun, and before this process takes the first of them.
    const count = await new Promise<number>((resolve) => {
      process.nextTick(() => resolve(taken(port)));
    });
    expect(count).toBe(CROWD);
    await Promise.all(connected);
  } finally {
    for (const socket of crowd) socket.destroy();
    server.closeAllConnections();
    server.close();
  }
});

it('an error of the listening socket is told, and ends nothing', async () => {
  const server = createServer((_request, response) => response.end('here'));
  const variables = { host: 'HOST', port: 'WS_PORT' };
  const told: Error[] = [];
  const onError = (error: Error) => void told.push(error);
  const port = await listen({ server, host: '127.0.0.1', port: 0, variables, onError });
  try {
    // As net.Server does when accept fails.
    const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    expect(server.emit('error', error)).toBe(true);
    expect(told).toEqual([error]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('here');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
