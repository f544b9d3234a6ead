import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toolEnvironment } from './build.mjs';
import { fingerprint } from './fingerprint.mjs';
import { withLock } from './lock.mjs';

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'peerdeck-build-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  mkdirSync(join(path, 'app/src'), { recursive: true });
  mkdirSync(join(path, 'app/dist'));
  writeFileSync(join(path, 'app/src/a.ts'), 'one');
  return path;
}

test('the fingerprint follows sources and leaves out results and tests', (t) => {
  const root = folder(t);
  const before = fingerprint(root, ['app']);
  writeFileSync(join(root, 'app/dist/a.js'), 'result');
  writeFileSync(join(root, 'app/src/a.spec.ts'), 'test');
  assert.equal(fingerprint(root, ['app']), before);
  writeFileSync(join(root, 'app/src/b.ts'), 'two');
  assert.notEqual(fingerprint(root, ['app']), before);
});

test('a change of the same size is seen by its time, a lost result by its absence', (t) => {
  const root = folder(t);
  const source = fingerprint(root, ['app']);
  utimesSync(join(root, 'app/src/a.ts'), 1, 1);
  assert.notEqual(fingerprint(root, ['app']), source);
  writeFileSync(join(root, 'app/dist/a.js'), 'result');
  const results = fingerprint(root, ['app/dist'], { outputs: true });
  rmSync(join(root, 'app/dist/a.js'));
  assert.notEqual(fingerprint(root, ['app/dist'], { outputs: true }), results);
});

test('children find the pinned Node and the chosen Go first', () => {
  const go = { go: '/opt/go/bin/go', env: { GOTOOLCHAIN: 'local' } };
  const env = toolEnvironment({
    node: '/n/bin/node',
    go,
    env: { PATH: '/bin', GOFLAGS: '-mod=mod' },
  });
  assert.equal(env.PATH, '/n/bin:/opt/go/bin:/bin');
  assert.equal(env.GOTOOLCHAIN, 'local');
  assert.equal(env.GOFLAGS, '-mod=mod -buildvcs=false');
});

test('two setups in one folder take turns', async (t) => {
  const root = folder(t);
  const events = [];
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const first = withLock(root, () => held.then(() => events.push('first')), assert.fail);
  const waited = () => {
    events.push('waits');
    release();
  };
  await Promise.all([first, withLock(root, async () => events.push('second'), waited)]);
  assert.deepEqual(events, ['waits', 'first', 'second']);
});

test('the lock of a setup that was killed is taken over', async (t) => {
  const root = folder(t);
  mkdirSync(join(root, '.peerdeck'));
  writeFileSync(join(root, '.peerdeck/setup.lock'), '4194303\n');
  const dead = () => false;
  assert.equal(await withLock(root, async () => 'done', assert.fail, dead), 'done');
});
