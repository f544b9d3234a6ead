import { parseLink, type Timers } from '@peerdeck/protocol';
import { AddressBar } from './address-bar.ts';
import { configuredSignaling, KeptCode, ownSignaling } from './settings.ts';
import { TrustedServers } from './trusted-servers.ts';
import { ConnectCard } from './ui/connect-card.ts';
import { ViewerPage } from './viewer-page.ts';

const timers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => {
    if (typeof handle === 'number') clearTimeout(handle);
  },
};

let signalingUrl: Promise<string> | undefined;
function defaultSignaling(): Promise<string> {
  signalingUrl ??= configuredSignaling(location, fetch.bind(globalThis)).then(
    (url) => url ?? ownSignaling(location, import.meta.env.DEV),
  );
  return signalingUrl;
}

const addressBar = new AddressBar({ location, history });
const page = new ViewerPage({
  timers,
  now: () => performance.now(),
  card: () => card,
  defaultSignaling,
  addressBar,
  trusted: new TrustedServers(() => sessionStorage),
});
const card: ConnectCard = new ConnectCard({
  kept: new KeptCode(() => localStorage),
  page: location,
  onConnect: (invitation) => {
    page.connect(invitation);
  },
});

/** What a link brings with it; undefined: the page was not opened by one. */
function openLink(fragment: string | undefined): void {
  if (fragment === undefined) return;
  const parsed = parseLink(fragment);
  if (parsed.ok) void page.openLink(fragment, parsed.invitation);
  else page.refuseLink(parsed.message);
}

window.addEventListener('hashchange', () => openLink(addressBar.take()));
void defaultSignaling().then((url) => {
  card.defaultServer = url;
});
openLink(addressBar.take() ?? addressBar.kept);
