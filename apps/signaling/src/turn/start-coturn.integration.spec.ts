import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/* What deploy/coturn/start.sh makes of the environment; coturn itself is in turn.integration.spec. */

const DEPLOY = fileURLToPath(new URL('../../../../deploy/coturn', import.meta.url));
const OWN = Object.values(networkInterfaces())
  .flat()
  .filter((one) => one !== undefined)
  .map(({ address }) => address);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerdeck-coturn-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The configuration that coturn is started with, by line, and its arguments. */
function started(env: Record<string, string>): { lines: string[]; args: string } {
  const program = join(folder, 'turnserver');
  writeFileSync(program, '#!/bin/sh\necho "$@"\n');
  chmodSync(program, 0o700);
  const args = execFileSync('sh', [join(DEPLOY, 'start.sh'), '--verbose'], {
    encoding: 'utf8',
    env: {
      PATH: `${folder}:/usr/sbin:/usr/bin:/bin`,
      TURN_CONFIG: join(DEPLOY, 'turnserver.conf'),
      TURN_WORK: folder,
      TURN_SECRET: 's'.repeat(32),
      TURN_REALM: 'turn.example.com',
      ...env,
    },
  });
  const made = join(folder, 'turnserver.conf');
  expect(statSync(made).mode & 0o777).toBe(0o600);
  return { args, lines: readFileSync(made, 'utf8').split('\n') };
}

/** As `URL` writes it, so that two ways to write an IPv6 address are one. */
const plain = (address: string) =>
  address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;

test('no address of its own machine is a peer, the public one behind NAT neither', () => {
  const { lines, args } = started({ TURN_EXTERNAL_IP: '1.2.3.4/10.9.8.7' });
  const denied = lines
    .filter((line) => /^denied-peer-ip=[^-]+$/.test(line))
    .map((line) => plain(line.slice('denied-peer-ip='.length)));
  expect(denied).toEqual(expect.arrayContaining([...OWN.map(plain), '1.2.3.4']));
  expect(lines).toContain('external-ip=1.2.3.4');
  expect(lines.join('\n')).toContain(readFileSync(join(DEPLOY, 'turnserver.conf'), 'utf8'));
  expect(args).not.toContain('ssss');
  expect(args).toContain('--verbose');
});

test('TURN_RELAY_TO_RELAY leaves them to those who need them', () => {
  const external = '1.2.3.4/10.9.8.7';
  const { lines } = started({ TURN_EXTERNAL_IP: external, TURN_RELAY_TO_RELAY: 'true' });
  expect(lines).toContain(`external-ip=${external}`);
  expect(lines.filter((line) => /^denied-peer-ip=[^-]+$/.test(line))).toEqual([]);
});

test('without a public address of its own it starts too', () => {
  expect(started({}).lines.filter((line) => line.startsWith('external-ip'))).toEqual([]);
});
