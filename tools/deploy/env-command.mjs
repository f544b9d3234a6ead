import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError, UsageError } from '../setup/errors.mjs';
import { describeOptions, parseOptions, portNumber } from '../setup/options.mjs';
import { environment } from './environment.mjs';
import { installCertificate } from './site-certificate.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** What compose is told by default; relative to docker-compose.yml. */
const TLS_DIR = './deploy/secrets/tls';

const OPTIONS = [
  { name: 'host', value: 'NAME', about: 'Domain that browsers open, or an address.', parse: host },
  { name: 'cert', value: 'FILE', about: 'Certificate chain (PEM). Default: a self-signed one.' },
  { name: 'key', value: 'FILE', about: 'Its private key (PEM).' },
  {
    ...{ name: 'https-port', value: 'PORT', parse: portNumber },
    about: 'Port of page and WebSocket (443).',
  },
  {
    ...{ name: 'http-port', value: 'PORT', parse: portNumber },
    about: 'Port that leads to the other one (80).',
  },
  { name: 'turn-port', value: 'PORT', about: 'Port of TURN (3478).', parse: portNumber },
  { name: 'turns-port', value: 'PORT', about: 'Port of TURN over TLS (5349).', parse: portNumber },
  {
    ...{ name: 'external-ip', value: 'ADDRESS', parse: address },
    about: 'Public address of this machine, where it is behind NAT (for TURN).',
  },
  { name: 'out', value: 'FILE', about: 'Where to write (.env beside docker-compose.yml).' },
  { name: 'tls-dir', value: 'FOLDER', about: `Where the certificate goes (${TLS_DIR}).` },
  { name: 'certificate', about: 'Replace the certificate alone; .env stays as it is.' },
  { name: 'force', about: 'Replace a .env that is there, all its secrets included.' },
  { name: 'help', about: 'This text.' },
];

const HELP = `Makes what docker-compose.yml needs: .env with fresh secrets, and a certificate.

npm run deploy:env -- --host NAME [options]

${describeOptions(OPTIONS)}
`;

/** `npm run deploy:env`. Throws SetupError. */
export async function makeEnv(argv, report) {
  const { values } = parseOptions(OPTIONS, argv);
  if (values.help) {
    report.line(HELP);
    return;
  }
  const tlsFolder = values['tls-dir'] === undefined ? TLS_DIR : resolve(values['tls-dir']);
  const certificate = () =>
    installCertificate({
      ...{ folder: resolve(ROOT, tlsFolder), host: values.host },
      ...{ cert: values.cert, key: values.key },
    });
  if (values.certificate) {
    report.done(await certificate());
    report.line('The proxy takes it at once: docker compose kill -s SIGUSR2 haproxy');
    return;
  }
  if (values.host === undefined) {
    throw new UsageError('--host is missing.', 'Write --host play.example.com.');
  }
  const file = resolve(values.out ?? join(ROOT, '.env'));
  if (existsSync(file) && !values.force) {
    throw new SetupError(`${file} is there already.`, {
      remedy: 'Keep it, or replace it and all its secrets with --force.',
    });
  }
  const made = await certificate();
  write(file, environment({ ...ports(values), host: values.host, tlsFolder }));
  report.done(made);
  report.done(`${file} has fresh secrets; only this user can read it.`);
  report.line('Next: docker compose up -d');
}

function ports(values) {
  return {
    httpsPort: values['https-port'],
    httpPort: values['http-port'],
    turnPort: values['turn-port'],
    turnsPort: values['turns-port'],
    externalIp: values['external-ip'],
  };
}

/** Whole or not at all, and never readable by others. */
function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.new`;
  const handle = openSync(draft, 'wx', 0o600);
  try {
    writeSync(handle, text);
    closeSync(handle);
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

function host(text) {
  const name =
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
  if (!name.test(text)) throw new Error('a name such as play.example.com, or an IPv4 address');
  return text.toLowerCase();
}

function address(text) {
  if (isIP(text) === 0) throw new Error('an address such as 203.0.113.7');
  return text;
}
