import { isIP, isIPv4, type BlockList } from 'node:net';

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
    const hop = plainAddress((hops[index] ?? '').trim());
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

/** An IPv4 address that a dual-stack socket reports as ::ffff:1.2.3.4 is an IPv4 address. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : address;
}

export function isTrusted(ip: string, trusted: BlockList): boolean {
  const family = isIP(ip);
  return family !== 0 && trusted.check(ip, family === 6 ? 'ipv6' : 'ipv4');
}
