import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { missingForNamespaces } from './own-namespace.ts';

const missing = missingForNamespaces();

(missing === undefined ? test : test.skip)(
  `what goes from namespace to namespace has the rate and the delay of the link (${missing ?? 'root'})`,
  () => {
    const program = fileURLToPath(new URL('testing/download.ts', import.meta.url));
    const args = ['--net', process.execPath, program];
    const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    const { arrived, ms, out, packets } = JSON.parse(stdout);
    expect(arrived).toBe(500_000);
    expect(out).toBeGreaterThan(500_000); // with its headers
    expect(packets).toBeGreaterThan(500_000 / 1500);
    // half a second at 8 Mbit/s, and a handshake and the last packet's way; no machine is too fast
    expect(ms).toBeGreaterThan(500 + 3 * 30);
  },
  120_000,
);
