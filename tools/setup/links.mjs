import { bindsAll, lanAddresses, origin } from './network.mjs';

/**
 * The addresses of the page: `local` for this machine, `lan` for others. A certificate of the
 * user's decides the name, for a browser accepts no other.
 *
 * @returns {{ local: string, lan: string[] }} origins such as http://localhost:8080
 */
export function pageOrigins({ host, port, https, name, addresses = lanAddresses() }) {
  if (name !== undefined) {
    const own = origin({ https, host: name, port });
    return { local: own, lan: [own] };
  }
  const others = bindsAll(host) ? addresses : [host].filter((address) => !isLoopback(address));
  const local = bindsAll(host) || isLoopback(host) ? 'localhost' : host;
  return {
    local: origin({ https, host: local, port }),
    lan: others.map((address) => origin({ https, host: address, port })),
  };
}

function isLoopback(host) {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/**
 * The same link at another origin. The code is in the fragment, which must survive; the signaling
 * address there (`s`) must not, since every origin of ours serves signaling too.
 */
export function moveLink(link, to) {
  const url = new URL(link);
  const fields = url.hash.slice(1).split('&');
  const kept = fields.filter((field) => !field.startsWith('s='));
  return `${new URL(to).origin}${url.pathname}${url.search}#${kept.join('&')}`;
}
