import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { certificate, opensslConfig } from '../setup/certificate.mjs';
import { mustRun } from '../setup/command.mjs';
import { SetupError, UsageError } from '../setup/errors.mjs';

/** Browsers refuse server certificates that last longer than 398 days. */
const DAYS = 397;

/**
 * Puts a certificate where compose mounts it: the given one, or a self-signed one for `host`.
 *
 * The containers that read the key are not root, and their users are none of this machine's, so the
 * files are readable by all; the folder above them is not, which keeps this machine's users out. (A
 * mounted folder is entered without its parents.) A place that others can get to is refused.
 *
 * @returns {Promise<string>} what was done, for people
 */
export async function installCertificate({ folder, host, cert, key }) {
  // A folder that is there already keeps its mode: it may be anybody's.
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  if (!existsSync(folder)) {
    mkdirSync(folder);
    chmodSync(folder, 0o755);
  }
  requireClosed(folder);
  if (cert !== undefined || key !== undefined) {
    const own = await certificate({ cert, key }); // checks that they belong together
    place(folder, own);
    return `The certificate ${cert} is in ${folder}.`;
  }
  if (host === undefined) {
    throw new UsageError('--host is missing.', 'Write --host, or --cert and --key.');
  }
  const draft = mkdtempSync(join(tmpdir(), 'peerdeck-'));
  try {
    place(folder, await selfSigned(draft, host));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return `A self-signed certificate for ${host} is in ${folder}: browsers warn of it.`;
}

/** Others get to a file when they may pass every folder above it. */
function requireClosed(folder) {
  for (let above = dirname(folder); ; above = dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0) return;
    if (above === dirname(above)) break;
  }
  throw new SetupError(`Anybody on this machine could read the private key in ${folder}.`, {
    remedy: `Close the folder above it (chmod 700 ${dirname(folder)}), or give another --tls-dir.`,
  });
}

async function selfSigned(folder, host) {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const config = join(folder, 'openssl.cnf');
  const addresses = isIP(host) === 0 ? [] : [host];
  writeFileSync(config, opensslConfig(host, addresses));
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  args.push('-nodes', '-days', String(DAYS), '-config', config);
  args.push('-keyout', files.key, '-out', files.cert);
  await mustRun('openssl', args, {
    what: 'Making a certificate with openssl',
    remedy: 'Install openssl, or give a certificate of yours with --cert FILE --key FILE.',
  });
  return files;
}

function place(folder, { cert, key }) {
  for (const [from, name] of [
    [cert, 'site.pem'],
    [key, 'site.pem.key'],
  ]) {
    const draft = join(folder, `.${name}`);
    try {
      copyFileSync(from, draft);
      chmodSync(draft, 0o644);
      renameSync(draft, join(folder, name));
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
