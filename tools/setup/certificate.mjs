import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { mustRun } from './command.mjs';
import { SetupError } from './errors.mjs';

/** Browsers refuse server certificates that last longer than 398 days. */
const DAYS = 397;
const RENEW_BEFORE_MS = 7 * 86_400_000;

/**
 * The certificate for --https: the user's, or one of our own that is kept and made anew when an
 * address of this machine is not in it or it is about to expire.
 *
 * @returns {Promise<{ cert: string, key: string, generated: boolean }>} paths of PEM files
 */
export async function certificate({ root, cert, key, addresses, now = Date.now() }) {
  if (cert !== undefined || key !== undefined) return checkOwn(cert, key);
  const folder = join(root, '.peerdeck/tls');
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), generated: true };
  if (!stillGood(files, addresses, now)) await generate(folder, files, addresses);
  return files;
}

function checkOwn(cert, key) {
  if (cert === undefined || key === undefined) {
    throw new SetupError('--cert and --key go together.', {
      remedy: 'Give both PEM files, or neither for a generated certificate.',
    });
  }
  const read = (flag, file) => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new SetupError(`${flag} ${file} can't be read (${error.code}).`, {
        remedy: 'Give the path of a PEM file that this user may read.',
      });
    }
  };
  const parse = (flag, file, use) => {
    try {
      return use(read(flag, file));
    } catch (error) {
      if (error instanceof SetupError) throw error;
      throw new SetupError(`${flag} ${file} is not in PEM form.`, {
        remedy: 'Give a PEM file: it has a line with -----BEGIN.',
      });
    }
  };
  const x509 = parse('--cert', cert, (pem) => new X509Certificate(pem));
  const secret = parse('--key', key, (pem) => createPrivateKey(pem));
  if (!x509.checkPrivateKey(secret)) {
    throw new SetupError(`--key ${key} does not belong to --cert ${cert}.`, {
      remedy: "Give the certificate's own private key.",
    });
  }
  return { cert, key, generated: false };
}

function stillGood({ cert, key }, addresses, now) {
  if (!existsSync(cert) || !existsSync(key)) return false;
  const x509 = new X509Certificate(readFileSync(cert));
  if (Date.parse(x509.validTo) < now + RENEW_BEFORE_MS) return false;
  return addresses.every((address) => x509.checkIP(address) !== undefined);
}

async function generate(folder, files, addresses) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = hostname();
  const config = join(folder, 'openssl.cnf');
  writeFileSync(config, opensslConfig(name, addresses));
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  args.push('-nodes', '-days', String(DAYS), '-config', config, '-keyout', files.key);
  args.push('-out', files.cert);
  await mustRun('openssl', args, {
    what: 'Making a certificate with openssl',
    remedy: 'Give a certificate of yours with --cert FILE --key FILE.',
  });
  chmodSync(files.key, 0o600);
  rmSync(config);
}

/** Subject alternative names: browsers look at nothing else. */
export function opensslConfig(name, addresses) {
  const names = [...new Set(['localhost', ...(/^[a-z0-9.-]+$/i.test(name) ? [name] : [])])];
  const entries = [
    ...names.map((dns, i) => `DNS.${i + 1} = ${dns}`),
    ...[...new Set(['127.0.0.1', '::1', ...addresses])].map((ip, i) => `IP.${i + 1} = ${ip}`),
  ];
  return [
    '[req]\nprompt = no\ndistinguished_name = subject\nx509_extensions = extensions',
    '[subject]\nCN = Peerdeck',
    '[extensions]\nsubjectAltName = @names\nbasicConstraints = critical, CA:FALSE',
    'keyUsage = critical, digitalSignature\nextendedKeyUsage = serverAuth',
    `[names]\n${entries.join('\n')}\n`,
  ].join('\n');
}
