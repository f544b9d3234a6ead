import { parseLink, type Invitation, type Timers } from '@peerdeck/protocol';
import { configuredSignaling, KeptCode, ownSignaling } from './settings.ts';
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

const page = new ViewerPage({
  timers,
  now: () => performance.now(),
  card: () => card,
  defaultSignaling,
});
const card: ConnectCard = new ConnectCard({
  kept: new KeptCode(() => localStorage),
  page: location,
  onConnect: (invitation) => {
    page.connect(invitation);
  },
});

/** What a link brings with it, if the page was opened by one. */
function openFragment(): void {
  if (location.hash.length < 2) return;
  const parsed = parseLink(location.hash);
  if (!parsed.ok) {
    page.leave();
    card.complain(parsed.message);
    return;
  }
  const { invitation }: { invitation: Invitation } = parsed;
  card.fill(invitation);
  page.connect(invitation);
}

window.addEventListener('hashchange', openFragment);
void defaultSignaling().then((url) => {
  card.defaultServer = url;
});
openFragment();
