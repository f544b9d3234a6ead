import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WebSocket, type ClientOptions } from 'ws';
import { ConfigError } from './config.ts';

/**
 * The WebSocket that reaches signaling. With a certificate file, the service must have that very
 * certificate, whoever signed it and whatever names are in it: no other one is good then. Read at
 * each connection, for it may be renewed while this runs. Throws ConfigError.
 */
export function signalingSocket(certificateFile: string): typeof WebSocket {
  if (certificateFile === '') return WebSocket;
  try {
    pinned(certificateFile);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      `client.certificateFile: ${certificateFile} is no certificate in PEM form that can be read (${why}).`,
      { cause },
    );
  }
  return class PinnedWebSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[], options?: ClientOptions) {
      super(url, protocols, { ...options, ...pinned(certificateFile) });
    }
  } as typeof WebSocket;
}

function pinned(file: string): ClientOptions {
  const ca = readFileSync(file);
  const { fingerprint256 } = new X509Certificate(ca);
  const options = {
    ca,
    // One that an authority signed is trusted as it is, without the authority.
    allowPartialTrustChain: true,
    checkServerIdentity: (_: string, found: { readonly fingerprint256: string }) =>
      found.fingerprint256 === fingerprint256
        ? undefined
        : new Error(`signaling has another certificate than ${file}`),
  };
  // ws hands these to node:tls, whose types they have; those of ws say otherwise.
  return options as object as ClientOptions;
}
