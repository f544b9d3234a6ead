import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { certificate } from './certificate.mjs';

/**
 * What --https means for each part.
 *
 * @returns {Promise<{ cert: string, key: string, generated: boolean, name?: string,
 *   names?: string[], agentEnvironment: object } | undefined>} `name`: the host name that a
 *   certificate of the user's is for, `names` all of them; undefined as a whole without --https
 */
export async function tlsSettings({ root, options, addresses }) {
  if (!options.https) return undefined;
  const { cert, key } = options;
  const files = await certificate({ root, cert, key, addresses });
  // The agent reaches signaling over loopback, whose name is in no certificate of the user's: it is
  // told which one to trust, and trusts no other.
  const agentEnvironment = { PEERDECK_CLIENT_CERTIFICATE_FILE: files.cert };
  if (files.generated) return { ...files, agentEnvironment };
  const pem = readFileSync(files.cert);
  return { ...files, name: certificateName(pem), names: certificateNames(pem), agentEnvironment };
}

/** The host names in a certificate, wildcards among them. */
export function certificateNames(pem) {
  const names = new X509Certificate(pem).subjectAltName ?? '';
  return [...names.matchAll(/DNS:([^,\s"]+)/g)].map((match) => match[1]);
}

/** The first host name in a certificate that is no wildcard, or undefined. */
export function certificateName(pem) {
  return certificateNames(pem).find((name) => !name.startsWith('*'));
}
