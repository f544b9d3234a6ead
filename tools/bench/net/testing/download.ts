/**
 * Run in a network namespace of its own by network.spec.ts: half a megabyte over TCP from the
 * host's side to the viewer's. Prints what arrived, how long it took, and what the shaper counted.
 */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

import { sum } from '@peerdeck/harness/statistics';
import { monotonicUs } from '@peerdeck/harness/wait';
import { hostAddress, ShapedNetwork } from '../network.ts';
import { buildShaper } from '../shaper-build.ts';
import type { Step } from '../step.ts';

const bytes = 500_000;
const port = 9000;
const link: Step[] = [
  { atMs: 0, direction: 'both', rateBps: 100e6, delayMs: 1, queueBytes: 1_000_000 },
];

const network = new ShapedNetwork(buildShaper(), link, 1);
try {
  await network.ready();
  const server = createServer((socket) => {
    // the link ends before the last packets of a connection have passed: it holds nobody up
    socket.unref().end(Buffer.alloc(bytes));
  });
  await new Promise<void>((resolve) => server.listen(port, hostAddress, resolve));
  await network.start([{ atMs: 0, direction: 'both', rateBps: 8e6, delayMs: 30 }]);
  const started = monotonicUs();
  const command = `cat < /dev/tcp/${hostAddress}/${port} | wc -c`;
  const { stdout } = await promisify(execFile)(network.wrapper('bash', 'bash'), ['-c', command]);
  const ms = (monotonicUs() - started) / 1000;
  server.close();
  const { intervals, lateness } = await network.takeLog();
  const out = sum(intervals.map(({ down }) => down.outTcpBytes));
  console.log(JSON.stringify({ arrived: Number(stdout), ms, out, packets: lateness?.packets }));
} finally {
  await network.close();
}
