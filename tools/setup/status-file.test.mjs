import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { StatusFile } from './status-file.mjs';

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'peerdeck-status-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a file of an earlier run is gone at once, so that it can not be believed', (t) => {
  const path = join(folder(t), 'status.json');
  writeFileSync(path, '{"ready":true}');
  new StatusFile(path);
  assert.equal(existsSync(path), false);
});

test('each write replaces the whole, for this user only, and leaves nothing beside it', (t) => {
  const parent = join(folder(t), 'deep/er');
  const path = join(parent, 'status.json');
  const file = new StatusFile(path);
  file.write({ ready: true, roomCode: 'A'.repeat(1000) });
  file.write({ ready: false });
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { ready: false });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(parent), ['status.json']);
});

test('a write that fails leaves nothing beside it', (t) => {
  const parent = folder(t);
  const path = join(parent, 'status.json');
  const file = new StatusFile(path);
  mkdirSync(path); // which no file can take the place of
  assert.throws(() => file.write({ ready: true }), { code: 'EISDIR' });
  assert.deepEqual(readdirSync(parent), ['status.json']);
  rmdirSync(path);
});

test('closing removes it, twice does no harm, and it can be written again', (t) => {
  const path = join(folder(t), 'status.json');
  const file = new StatusFile(path);
  file.write({ ready: true });
  file.close();
  file.close();
  assert.equal(existsSync(path), false);
  file.write({ ready: true });
  assert.equal(existsSync(path), true);
});

test('without a path nothing happens', () => {
  const file = new StatusFile(undefined);
  file.write({ ready: true });
  file.close();
});
