import { hostname } from 'node:os';
import { bindsAll, lanAddresses, origin, ownAddresses } from './network.mjs';

/**
 * The addresses of the page: `local` for this machine, `lan` for others. Where the user says that it
 * is (--web-url), there; else a certificate of theirs decides the name, for a browser accepts no other.
 *
 * @returns {{ local: string, lan: string[] }} origins such as http://localhost:8080
 */
export function pageOrigins({ host, port, https, name, webUrl, addresses = lanAddresses() }) {
  if (webUrl !== undefined) {
    const elsewhere = new URL(webUrl).origin;
    return { local: elsewhere, lan: [elsewhere] };
  }
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

/**
 * Origins of the pages that may talk to signaling: this one's own, under every name and address that
 * leads here, and those that are `named` (--web-url). Any other site that somebody has open, on this
 * machine too, is kept out: its page could reach ws://localhost as well as ours does.
 *
 * @param {{ host: string, port: number, names?: string[], named?: string[], addresses?: string[] }} options
 *   `names`: those of a certificate, wildcards (`*.example.com`) included
 * @returns {string[]}
 */
export function allowedOrigins(options) {
  const { host, port, names = [], named = [], addresses = ownAddresses() } = options;
  const near = ['localhost', '127.0.0.1', '::1'];
  const all = [...addresses, hostname(), `${hostname()}.local`];
  const reached = isLoopback(host) ? [host] : bindsAll(host) ? all : [host];
  const own = [...near, ...reached, ...names].flatMap((name) =>
    [false, true].map((https) => origin({ https, host: name.toLowerCase(), port })),
  );
  return [...new Set([...own, ...named])].filter(isOrigin);
}

/** A machine's name may be one that no URL can have; such a page can't be opened either. */
function isOrigin(text) {
  const host = text.replace('://*.', '://');
  return URL.canParse(host) && !host.includes('*');
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

/**
 * The links to show, from those of the agent. It knows signaling by a loopback address and makes
 * links to there (`agentOrigin`), which are moved to `origins`; where the page was said to be
 * elsewhere (`--web-url`), for example below a path of a proxy, they stay as they are. From another
 * machine the loopback address leads nowhere, so they leave it out: the page then looks for
 * signaling beside itself.
 *
 * @param {{ viewerUrl: string, viewUrl: string }} announced
 */
export function shownLinks({ viewerUrl, viewUrl }, { agentOrigin, origins }) {
  const { origin: page, hostname } = new URL(viewerUrl);
  if (page !== agentOrigin) {
    const keep = (link) => (isLoopback(hostname) ? link : moveLink(link, page));
    return { local: keep(viewerUrl), watch: keep(viewUrl), lan: [] };
  }
  return {
    local: moveLink(viewerUrl, origins.local),
    watch: moveLink(viewUrl, origins.lan[0] ?? origins.local),
    lan: origins.lan.map((to) => moveLink(viewerUrl, to)),
  };
}
