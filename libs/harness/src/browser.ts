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

export interface WindowedBrowser {
  browser: Browser;
  pid: number;
  close(): Promise<void>;
}

/** Chromium with its window, on a display that has a window manager. */
export async function openWindowedBrowser(display: string): Promise<WindowedBrowser> {
  const { executablePath, args } = launchOptions({});
  const server = await chromium.launchServer({
    executablePath,
    args: [...args, '--window-size=1300,900', '--window-position=20,20'],
    headless: false,
    env: { ...process.env, DISPLAY: display },
  });
  const browser = await chromium.connect(server.wsEndpoint());
  const { pid } = server.process();
  if (pid === undefined) throw new Error('the browser did not start');
  return { browser, pid, close: () => server.close() };
}
