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
  // The agent reaches signaling over loopback. A generated certificate is good for that; the name
  // in one of the user's is not, and every offer and answer is authenticated by the room code.
  if (files.generated) return { ...files, agentEnvironment: { NODE_EXTRA_CA_CERTS: files.cert } };
  const agentEnvironment = { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
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
