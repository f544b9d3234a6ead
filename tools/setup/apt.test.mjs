import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Apt, aptCommand, installRemedy, parseInstalled, parseSizes, rootPrefix } from './apt.mjs';
import { PACKAGES, TYPICAL_MEGABYTES, missingPackages, packagesFor } from './packages.mjs';

const nothing = () => false;

test('only what dpkg calls installed counts', () => {
  const text = 'ii  xvfb\nrc  openbox\nun  xterm\nhi  cmake\niU  g++\n';
  assert.deepEqual([...parseInstalled(text)], ['xvfb', 'cmake']);
});

test('a missing package is found, an installed one is not', () => {
  const wanted = packagesFor(['build']);
  const all = new Set(wanted.map((entry) => entry.name));
  assert.deepEqual(missingPackages(wanted, all, nothing), []);
  all.delete('libyuv-dev');
  const missing = missingPackages(wanted, all, nothing);
  assert.deepEqual(
    missing.map((entry) => entry.name),
    ['libyuv-dev'],
  );
});

test('a program that came from elsewhere makes its package needless', () => {
  const wanted = packagesFor(['test']);
  const names = (has) => missingPackages(wanted, new Set(), has).map((entry) => entry.name);
  assert.ok(names(nothing).includes('chromium'));
  assert.ok(!names((command) => command === 'google-chrome').includes('chromium'));
});

test('every package has a reason and a known use, and stands there once', () => {
  const uses = Object.keys(TYPICAL_MEGABYTES);
  for (const { name, why, use } of PACKAGES) {
    assert.ok(why.length > 0, name);
    assert.ok(uses.includes(use), name);
  }
  const names = PACKAGES.map((entry) => entry.name);
  assert.equal(new Set(names).size, names.length);
});

test("the size of an installation is read from apt's own words", () => {
  const text =
    'Need to get 1,234 kB of archives.\nAfter this operation, 1,306 MB of additional disk space will be used.\n';
  assert.deepEqual(parseSizes(text), { download: 1_234_000, disk: 1_306_000_000 });
  const partly =
    'Need to get 0 B/12.5 MB of archives.\nAfter this operation, 2 kB of additional disk space';
  assert.deepEqual(parseSizes(partly), { download: 12_500_000, disk: 2000 });
  assert.equal(parseSizes('E: Unable to locate package xvfb'), undefined);
});

test('root needs no sudo, others use it, and without it there is none', () => {
  const find = (name) => (name === 'sudo' ? '/usr/bin/sudo' : undefined);
  assert.deepEqual(rootPrefix({ uid: 0, find }), []);
  assert.deepEqual(rootPrefix({ uid: 1000, find }), ['sudo']);
  assert.equal(rootPrefix({ uid: 1000, find: () => undefined }), null);
});

test('without root and sudo the exact command is told', () => {
  const missing = [{ name: 'xvfb' }, { name: 'xterm' }];
  assert.throws(() => new Apt({ prefix: null }).requireRoot(missing), {
    message: /2 system packages are missing/,
    remedy: /: apt-get update && apt-get install -y --no-install-recommends xvfb xterm$/,
  });
  assert.match(aptCommand([{ name: 'xvfb' }]), /^sudo apt-get update && sudo apt-get install/);
  new Apt({ prefix: [] }).requireRoot(missing);
});

test('a service that nobody asked for is masked before its package comes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-apt-'));
  try {
    const log = join(folder, 'log');
    const sudo = join(folder, 'sudo');
    writeFileSync(sudo, `#!/bin/sh\necho "$*" >> ${log}\n`, { mode: 0o755 });
    const packages = [
      { name: 'xterm' },
      { name: 'coturn', service: 'coturn' },
      { name: 'prometheus', service: 'prometheus' },
    ];
    const find = (name) => (name === 'systemctl' ? '/usr/bin/systemctl' : undefined);
    await new Apt({ prefix: [sudo], find }).install(packages);
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    assert.match(lines[0], / systemctl mask coturn prometheus$/);
    assert.match(lines[1], / apt-get install .* xterm coturn prometheus$/);
    assert.equal(
      aptCommand(packages, ['sudo'], find),
      'sudo systemctl mask coturn prometheus && sudo apt-get update && ' +
        'sudo apt-get install -y --no-install-recommends xterm coturn prometheus',
    );
    // Without systemd Debian starts neither.
    await new Apt({ prefix: [sudo], find: () => undefined }).install(packages);
    assert.equal(readFileSync(log, 'utf8').match(/systemctl/g).length, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what relays for the whole network is among the masked', () => {
  const coturn = PACKAGES.find(({ name }) => name === 'coturn');
  assert.equal(coturn.service, 'coturn');
});

test('a failed installation says whether the network, the sources or something else is at fault', () => {
  const unknown =
    "E: Unable to locate package xvfb\nE: Package 'openbox' has no installation candidate\n";
  const remedy = (options) =>
    installRemedy({ output: unknown, listsFailed: false, byHand: 'sudo x', ...options });
  assert.match(remedy({}), /lack xvfb, openbox\./);
  assert.match(remedy({ distribution: 'ubuntu' }), /universe/);
  assert.match(remedy({ listsFailed: true }), /network/);
  assert.match(remedy({ output: 'E: Failed to fetch http://x/y.deb' }), /network/);
  assert.match(remedy({ output: 'E: dpkg was interrupted' }), /by hand: sudo x/);
});
