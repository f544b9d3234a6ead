import type { Server } from 'node:http';

/** A port that cannot be listened on. The message is one line with the remedy. */
export class ListenError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
  }
}

export interface ListenOptions {
  readonly server: Server;
  /** '' for all addresses. */
  readonly host: string;
  readonly port: number;
  /** The variables that chose them, for the message. */
  readonly variables: { readonly host: string; readonly port: string };
  /**
   * What goes wrong later, such as a connection that cannot be taken since the process has no file
   * left. The socket goes on listening.
   */
  readonly onError: (error: Error) => void;
}

/**
 * Connections that the system keeps while this process is busy: a crowd that comes back at once.
 * (Node would say 511; the system has the last word, net.core.somaxconn.)
 */
const BACKLOG = 16_384;

/** Resolves with the port that was bound. */
export function listen({ server, host, port, variables, onError }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      reject(new ListenError(explain(error, host, port, variables), error));
    };
    server.once('error', failed);
    server.listen({ port, backlog: BACKLOG, ...(host === '' ? {} : { host }) }, () => {
      server.on('error', onError);
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function explain(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  variables: ListenOptions['variables'],
): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return (
        `${variables.port}=${port}: the port is in use. ` +
        `Stop what listens there, or set ${variables.port} to another port (0: any free one).`
      );
    case 'EACCES':
      return `${variables.port}=${port}: no permission. Set ${variables.port} to a port above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${variables.host}=${host}: not an address of this machine. Leave it unset for all addresses.`;
    default:
      return `${variables.port}=${port}: cannot listen: ${error.message}`;
  }
}
