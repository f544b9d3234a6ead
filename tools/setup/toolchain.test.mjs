import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findGo, parseGoVersion, requiredGo } from './go.mjs';
import { npmUpToDate, runsAllPackages } from './npm.mjs';
import { compareVersions, osRelease, requireNode, requireSupported } from './platform.mjs';

test('versions compare by number, not by letter', () => {
  assert.ok(compareVersions('1.9', '1.26') < 0);
  assert.ok(compareVersions('24.0.0', '18.17.0') > 0);
  assert.equal(compareVersions('1.26', '1.26.0'), 0);
});

test('an old Node is refused with its version and a remedy', () => {
  assert.throws(() => requireNode('16.20.2'), {
    message: /Node 16\.20\.2 is too old/,
    remedy: /nodejs/,
  });
  requireNode('18.19.0');
  requireNode('20.11.1');
});

test('Windows and macOS are told plainly what is supported', () => {
  for (const platform of ['win32', 'darwin', 'freebsd']) {
    assert.throws(() => requireSupported(platform, 'x64'), { remedy: /support-matrix/ });
  }
  assert.throws(() => requireSupported('linux', 'ia32'), /ia32/);
  requireSupported('linux', 'x64');
});

test('os-release is read, and may be absent', () => {
  assert.equal(osRelease(() => 'NAME="Ubuntu"\nID=ubuntu\n').ID, 'ubuntu');
  const absent = () => {
    throw new Error('ENOENT');
  };
  assert.deepEqual(osRelease(absent), {});
});

const look = (version) =>
  findGo({
    root: '/nowhere',
    required: '1.26',
    env: {},
    versionOf: (go) => (go.startsWith('/usr/local') ? version : undefined),
  });

test('a Go that is new enough is used as it is', () => {
  assert.deepEqual(look('1.26.8'), {
    state: 'ready',
    go: '/usr/local/go/bin/go',
    version: '1.26.8',
    env: { GOTOOLCHAIN: 'local' },
  });
});

test('an older Go fetches the newer one, a very old or missing one is replaced', () => {
  assert.equal(look('1.22.2').state, 'fetch');
  assert.equal(look('1.22.2').env.GOTOOLCHAIN, 'go1.26.0+auto');
  assert.equal(look('1.19.8').state, 'install');
  assert.equal(look(undefined).state, 'install');
});

test('the version of Go comes from go.mod', () => {
  assert.equal(
    requiredGo('/r', () => 'module x\n\ngo 1.26.3\n'),
    '1.26.3',
  );
  assert.equal(parseGoVersion('go version go1.26.8 linux/amd64'), '1.26.8');
});

const lock = { 'node_modules/a': { version: '1.0.0', integrity: 'x' }, 'libs/p': {} };

function upToDate(present, wanted = lock) {
  const read = (file) => {
    if (file.endsWith('/node_modules/.package-lock.json')) {
      if (present === undefined) throw new Error('ENOENT');
      return JSON.stringify({ packages: present });
    }
    return JSON.stringify({ packages: wanted });
  };
  return npmUpToDate('/r', read);
}

test('node_modules is up to date when it holds what the lockfile asks for', () => {
  assert.equal(upToDate({ 'node_modules/a': { version: '1.0.0', integrity: 'x' } }), true);
  assert.equal(upToDate({ 'node_modules/a': { version: '1.0.1', integrity: 'y' } }), false);
  assert.equal(upToDate({}), false);
  assert.equal(upToDate(undefined), false);
});

test('packages for other systems may be absent', () => {
  const wanted = { ...lock, 'node_modules/b': { version: '1.0.0', optional: true } };
  assert.equal(upToDate({ 'node_modules/a': { version: '1.0.0', integrity: 'x' } }, wanted), true);
});

test('npm runs on the pinned Node where the native parts of packages do not name the one here', () => {
  const refused = ['18.19.0', '20.11.1', '21.7.3', '22.11.0'];
  const good = ['20.19.0', '20.20.2', '22.12.0', '24.21.0'];
  for (const version of refused) assert.equal(runsAllPackages(version), false, version);
  for (const version of good) assert.equal(runsAllPackages(version), true, version);
});
