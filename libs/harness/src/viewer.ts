import type { Browser, BrowserContext, Page } from 'playwright-core';

import { rememberPeers } from './page/peers.ts';
import type { EncodedFrame, HostStats } from './page/peers.ts';
import { installReader } from './page/reader.ts';
import type { SeenFrame } from './page/reader.ts';

export type ViewerState =
  'idle' | 'connecting' | 'waiting' | 'connected' | 'reconnecting' | 'ended' | 'error';

/** Of the incoming video and the chosen path, from the browser's own reports. */
export interface InboundVideo {
  timestamp: number;
  bytesReceived: number;
  packetsReceived: number;
  packetsLost: number;
  framesReceived: number;
  framesDecoded: number;
  keyFramesDecoded: number;
  pliCount: number;
  nackCount: number;
  freezeCount: number;
  /** Of the quantizers of the decoded frames, where the codec tells. */
  qpSum?: number;
  frameWidth?: number;
  frameHeight?: number;
}

export interface ViewerOptions {
  browser: Browser;
  width?: number;
  height?: number;
  /** Follows the encoded frames below the decoder; without it `takeEncoded` has none. */
  followEncoded?: boolean;
  /** The page takes no way but over a TURN server. */
  relayOnly?: boolean;
  /** A person has clicked the browser's warning away. */
  anyCertificate?: boolean;
  /** The page is as large as the browser's window makes it. */
  windowed?: boolean;
}

/** One tab with the product's page in it. */
export class Viewer {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #console: string[] = [];

  constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on('console', (message) => this.#note(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.#note(`uncaught: ${error.message}`));
  }

  /** What the page wrote to its console. */
  get log(): string {
    return this.#console.join('\n');
  }

  async open(url: string): Promise<void> {
    // A change of the fragment alone would not load the page again.
    await this.page.goto('about:blank');
    await this.page.goto(url, { waitUntil: 'domcontentloaded' });
  }

  async state(): Promise<ViewerState> {
    return (await this.page.locator('html').getAttribute('data-state')) as ViewerState;
  }

  async waitForState(state: ViewerState, timeoutMs = 20_000): Promise<void> {
    try {
      const matches = (wanted: string): boolean =>
        document.documentElement.dataset['state'] === wanted;
      await this.page.waitForFunction(matches, state, { timeout: timeoutMs });
    } catch (error) {
      const text = await this.page
        .locator('body')
        .innerText()
        .catch(() => '');
      const now = await this.state().catch(() => 'gone');
      throw new Error(
        `viewer is '${now}', not '${state}', after ${timeoutMs} ms\n${text}\n${this.log}`,
        { cause: error },
      );
    }
  }

  /** A picture, and nothing over it: from here on a person sees it, and codes are read. */
  async waitForPicture(timeoutMs = 20_000): Promise<void> {
    await this.waitForState('connected', timeoutMs);
    await this.startReading();
    const uncovered = (): boolean => {
      const video = document.querySelector<HTMLVideoElement>('#video');
      return (video?.videoWidth ?? 0) > 0 && !document.querySelector('#overlay')?.checkVisibility();
    };
    await this.page.waitForFunction(uncovered, undefined, { timeout: timeoutMs });
  }

  /** From now on the code of each presented frame is read. */
  startReading(): Promise<void> {
    return this.page.evaluate(installReader);
  }

  /** The frames that were presented since the last call. */
  takeFrames(): Promise<SeenFrame[]> {
    return this.page.evaluate(() => window.peerdeckReader?.take() ?? []);
  }

  /** Waits until the video shows this paint or a later one. */
  async waitForPaint(paint: number, timeoutMs = 10_000): Promise<void> {
    const shows = (wanted: number): boolean =>
      (window.peerdeckReader?.frames ?? []).some((frame) => (frame.paint ?? -1) >= wanted);
    await this.page.waitForFunction(shows, paint, { timeout: timeoutMs, polling: 50 });
  }

  /** Waits until the newest picture shows exactly this paint. */
  async waitForExactPaint(paint: number, timeoutMs = 10_000): Promise<void> {
    const shows = (wanted: number): boolean =>
      window.peerdeckReader?.frames.at(-1)?.paint === wanted;
    await this.page.waitForFunction(shows, paint, { timeout: timeoutMs, polling: 50 });
  }

  inbound(): Promise<InboundVideo> {
    return this.page.evaluate(async () => {
      const connection = window.peerdeckPeers?.connections.at(-1);
      if (!connection) throw new Error('no peer connection');
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'inbound-rtp' && report.kind === 'video') return report;
      }
      throw new Error('no inbound video in the report');
    });
  }

  /** Where the two ends of the path in use are: `host`, `srflx`, `prflx` or `relay`. */
  path(): Promise<{ local: string; remote: string }> {
    return this.page.evaluate(async () => {
      const connection = window.peerdeckPeers?.connections.at(-1);
      const reports = new Map<string, Record<string, string>>();
      for (const report of (await connection?.getStats())?.values() ?? []) {
        reports.set(report.id, report);
      }
      for (const { type, selectedCandidatePairId } of reports.values()) {
        const pair = reports.get(selectedCandidatePairId ?? '');
        if (type !== 'transport' || pair === undefined) continue;
        const end = (id = '') => reports.get(id)?.['candidateType'] ?? '';
        return { local: end(pair['localCandidateId']), remote: end(pair['remoteCandidateId']) };
      }
      return { local: '', remote: '' };
    });
  }

  /** A PLI to the host; needs `followEncoded`. */
  requestKeyframe(): Promise<void> {
    return this.page.evaluate(() => window.peerdeckPeers?.requestKeyframe());
  }

  /** Encoded frames since the last call, as they arrived. */
  takeEncoded(): Promise<EncodedFrame[]> {
    return this.page.evaluate(() => window.peerdeckPeers?.encoded.splice(0) ?? []);
  }

  /** What the host reported of itself since the last call, if it was asked to. */
  takeHostStats(): Promise<HostStats[]> {
    return this.page.evaluate(() => window.peerdeckPeers?.hostStats.splice(0) ?? []);
  }

  /** Turns the host's reports of itself on or off, as the stats panel does. */
  askHostStats(on: boolean): Promise<void> {
    return this.page.evaluate((wanted) => {
      const control = window.peerdeckPeers?.channels.findLast(({ label }) => label === 'control');
      control?.send(JSON.stringify({ type: 'stats', on: wanted }));
    }, on);
  }

  /** Closes the tab as a person does: the page's own unload handlers run. */
  async close(): Promise<void> {
    if (!this.page.isClosed()) await this.page.close({ runBeforeUnload: false });
    await this.#context.close();
  }

  #note(line: string): void {
    this.#console.push(line);
    if (this.#console.length > 500) this.#console.shift();
  }
}

export async function openViewer(options: ViewerOptions): Promise<Viewer> {
  const { browser, width = 1280, height = 720 } = options;
  const { followEncoded = false, relayOnly = false } = options;
  const context = await browser.newContext({
    viewport: options.windowed === true ? null : { width, height },
    bypassCSP: true,
    ignoreHTTPSErrors: options.anyCertificate ?? false,
  });
  await context.addInitScript(rememberPeers, { followEncoded, relayOnly });
  return new Viewer(context, await context.newPage());
}
