import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

export interface BrowserOptions {
  /** Keeps the browser's own privacy settings: candidates then carry mDNS names. */
  mdnsCandidates?: boolean;
  /** Default: Chromium of this machine. */
  executablePath?: string;
}

export const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  // a viewer in a second window is still a viewer
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

function launchOptions({ mdnsCandidates = false, executablePath = chromiumPath }: BrowserOptions): {
  executablePath: string;
  args: string[];
} {
  const hidden = '--disable-features=WebRtcHideLocalIpsWithMdns';
  return { executablePath, args: mdnsCandidates ? quiet : [...quiet, hidden] };
}

/** Headless Chromium. The caller closes it. */
export function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
  return chromium.launch(launchOptions(options));
}

export interface KillableBrowser {
  browser: Browser;
  /** SIGKILL: nothing in it gets a chance to say goodbye. */
  kill(): Promise<void>;
}

export async function openKillableBrowser(options: BrowserOptions = {}): Promise<KillableBrowser> {
  const server = await chromium.launchServer(launchOptions(options));
  const browser = await chromium.connect(server.wsEndpoint());
  return { browser, kill: () => server.kill() };
}
