import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** PEM files of a certificate that signs itself, for localhost and 127.0.0.1, in `folder`. */
export function makeCertificate(folder: string): { readonly cert: string; readonly key: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const subject = ['-subj', '/CN=localhost', '-days', '2', ...names];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const args = ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return { cert, key };
}
