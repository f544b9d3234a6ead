import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/*
 * The whole deployment, for real. It takes minutes, and an engine or root, so it is asked for:
 * PEERDECK_DEPLOY=1 npm test -- --only deploy
 */

if (process.env.PEERDECK_DEPLOY === '1') {
  test('npm run verify:deploy', () => {
    const script = fileURLToPath(new URL('verify.mjs', import.meta.url));
    const args = ['--conditions=@peerdeck/source', script];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });
}
