/** How often the limit of one /64 fits in that of its /48. */
export const NEIGHBOURS = 4;

/**
 * What an address key (client-address.ts, limitKey) belongs to: the /48 of a /64, which providers
 * give to one customer. Everything else stands for itself.
 */
export function neighbourhood(key: string): string {
  const groups = key.split(':');
  return groups.length === 4 ? `${groups.slice(0, 3).join(':')}::/48` : key;
}
