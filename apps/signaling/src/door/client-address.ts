import { isIP, type BlockList } from 'node:net';

export interface ClientAddress {
  /** Of the client, behind as many trusted proxies as there are. */
  readonly ip: string;
  /** Whether the client's own connection is encrypted. */
  readonly secure: boolean;
}

export interface AddressSource {
  /** The TCP peer. */
  readonly remoteAddress: string;
  readonly encrypted: boolean;
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
}

/**
 * Who the client is. Forwarding headers are believed from trusted proxies only, from right to
 * left: each trusted proxy vouches for the address it appended, and the first address that is
 * no trusted proxy is the client; what stands left of it may be forged.
 */
export function clientAddress(source: AddressSource, trusted: BlockList): ClientAddress {
  const peer = plainAddress(source.remoteAddress);
  if (!isTrusted(peer, trusted)) return { ip: peer, secure: source.encrypted };
  let ip = peer;
  const hops = (source.forwardedFor ?? '').split(',');
  for (let index = hops.length - 1; index >= 0 && isTrusted(ip, trusted); index -= 1) {
    const hop = plainAddress(withoutPort((hops[index] ?? '').trim()));
    if (isIP(hop) === 0) break;
    ip = hop;
  }
  const proto = source.forwardedProto?.split(',').at(-1)?.trim().toLowerCase();
  const secure = proto === undefined ? source.encrypted : proto === 'https' || proto === 'wss';
  return { ip, secure };
}

/**
 * What limits per address count by. A host with IPv6 has a whole /64 for itself, so one limit
 * holds for all of it.
 */
export function limitKey(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  return expand(ip).slice(0, 4).join(':');
}

/**
 * As `limitKey`, and on loopback by what speaks: every program of a machine has the same address
 * there, the host agent as well as each page that is open in its browser. Pages always send an
 * Origin and programs do not, so what a site does counts against neither the agent nor the page
 * that this service serves.
 */
export function budgetKey(
  ip: string,
  { origin, host }: { readonly origin: string | undefined; readonly host: string | undefined },
): string {
  if (origin === undefined || !isLoopback(ip)) return limitKey(ip);
  return isOwnPage(origin, host) ? 'loopback, own page' : 'loopback, other pages';
}

function isLoopback(ip: string): boolean {
  return ip === '::1' || (isIP(ip) === 4 && ip.startsWith('127.'));
}

/** Of a name that means this machine: any other name may be made to lead here. */
function isOwnPage(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return (name === 'localhost' || isLoopback(name)) && url.host === host?.toLowerCase();
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expand(ip: string): string[] {
  const [head = '', tail] = (ip.split('%')[0] ?? '').split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(gap).fill('0'), ...right].map((group) =>
    group.toLowerCase().replace(/^0+(?=.)/, ''),
  );
}

/**
 * An address as it is compared: IPv6 in its shortest form and without a scope (which names a
 * link of this machine), and the IPv4 address that is meant by ::ffff:1.2.3.4, as a dual-stack
 * socket reports it. What is no address stays as it is.
 */
export function plainAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`);
  const short = hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short);
  if (mapped === null) return short;
  return mapped
    .slice(1)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** Some proxies add the port, and brackets around IPv6. */
function withoutPort(hop: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? hop.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1');
}

export function isTrusted(ip: string, trusted: BlockList): boolean {
  const family = isIP(ip);
  return family !== 0 && trusted.check(ip, family === 6 ? 'ipv6' : 'ipv4');
}
