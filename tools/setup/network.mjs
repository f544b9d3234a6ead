import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { SetupError } from './errors.mjs';

export const DEFAULT_PORT = 8080;
/** Ports tried after the default one, when nobody asked for a certain port. */
const MORE_PORTS = 20;

/** Bridges and tunnels of containers and virtual machines: nobody on the LAN reaches these. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|lxd|cni|flannel|podman)/;

/** Resolves to undefined when the port can be listened on, else to the error's code. */
export function portError(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.code ?? 'EUNKNOWN'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/**
 * The port to serve on: the one asked for, or else the first free one from the default on.
 *
 * @param {{ port?: number, host: string, first?: number, onTaken?: (port: number) => void }} options
 */
export async function choosePort({ port, host, first = DEFAULT_PORT, onTaken = () => {} }) {
  if (port !== undefined) {
    const error = await portError(port, host);
    if (error !== undefined) throw refusal(port, host, error);
    return port;
  }
  for (let candidate = first; candidate < first + MORE_PORTS; candidate++) {
    const error = await portError(candidate, host);
    if (error === undefined) return candidate;
    if (error !== 'EADDRINUSE') throw refusal(candidate, host, error);
    onTaken(candidate);
  }
  throw new SetupError(`The ports ${first} to ${first + MORE_PORTS - 1} are all in use.`, {
    remedy: 'Choose another one with --port P.',
  });
}

function refusal(port, host, code) {
  if (code === 'EADDRINUSE') {
    return new SetupError(`Port ${port} is in use by another program.`, {
      remedy: `End that program ('ss -ltnp sport = :${port}' names it), or choose another port with --port P.`,
    });
  }
  if (code === 'EACCES') {
    return new SetupError(`Port ${port} needs special rights.`, {
      remedy: 'Choose a port of 1024 or more with --port P.',
    });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new SetupError(`${host} is no address of this machine.`, {
      remedy: `Use one of these with --host: ${['0.0.0.0', '127.0.0.1', ...lanAddresses()].join(', ')}.`,
    });
  }
  return new SetupError(`Port ${port} of ${host} can't be listened on (${code}).`, {
    remedy: 'Choose others with --port P and --host ADDR.',
  });
}

/** IPv4 addresses under which other machines may reach this one. */
export function lanAddresses(interfaces = networkInterfaces()) {
  return Object.entries(interfaces)
    .filter(([name]) => !VIRTUAL.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}

/** Every address of this machine, those that only its containers reach included. */
export function ownAddresses(interfaces = networkInterfaces()) {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  // One of its own link (fe80::) needs a zone, which no URL of a browser can have.
  return all.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'));
}

/** Whether a service bound to `host` is reachable by every address of the machine. */
export function bindsAll(host) {
  return host === '0.0.0.0' || host === '::';
}

/** `http://host:port`, with brackets where an IPv6 address needs them. */
export function origin({ https, host, port }) {
  return `${https ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
