import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { goScript, shaperSource } from './shaper-build.ts';

test('the shaper keeps rate, delay, queue and loss, by a clock of the test', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [goScript, 'test', '-race', '-v', './...'],
    { cwd: fileURLToPath(shaperSource), encoding: 'utf8' },
  );
  expect({ status, failed: stdout.match(/^--- FAIL.*$/gm), stderr }).toEqual({
    status: 0,
    failed: null,
    stderr: expect.any(String),
  });
  expect(stdout.match(/^--- PASS/gm)?.length).toBeGreaterThan(15);
}, 180_000);
