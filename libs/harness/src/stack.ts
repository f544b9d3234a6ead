import type { Browser } from 'playwright-core';

import { openBrowser } from './browser.ts';
import { openDisplay } from './display.ts';
import type { Display } from './display.ts';
import { Host } from './host.ts';
import type { VideoConfig } from './host.ts';
import { Probe } from './probe.ts';
import type { Scene } from './probe.ts';
import { Signaling } from './signaling.ts';
import { openViewer } from './viewer.ts';
import type { Viewer } from './viewer.ts';

export interface StackOptions {
  /** Of the desktop; the page's viewport gets the same size. */
  width?: number;
  height?: number;
  scene?: Scene;
  video?: VideoConfig;
  /** Where signaling listens and the page is loaded from. */
  address?: string;
  browserPath?: string;
  mdnsCandidates?: boolean;
  followEncoded?: boolean;
  /** Of the signaling service. */
  signalingEnv?: Readonly<Record<string, string>>;
  /** The host's. */
  tokenFile?: string;
  hostEnv?: Readonly<Record<string, string>>;
  /** Both, or one, take no way but over a TURN server. */
  relayOnly?: boolean | 'host';
}

/** The whole product, running: a desktop, its host, signaling with the page, and one viewer. */
export class Stack {
  readonly display: Display;
  readonly probe: Probe;
  readonly browser: Browser;
  readonly viewer: Viewer;
  /** Replaced by a test that restarts it. */
  signaling: Signaling;
  host: Host;

  constructor(
    parts: Pick<Stack, 'display' | 'probe' | 'browser' | 'viewer' | 'signaling' | 'host'>,
  ) {
    this.display = parts.display;
    this.probe = parts.probe;
    this.browser = parts.browser;
    this.viewer = parts.viewer;
    this.signaling = parts.signaling;
    this.host = parts.host;
  }

  /** The link that a host hands out for control. */
  get viewerUrl(): string {
    return this.host.viewerUrl;
  }

  /** What every part has said, for a failure. */
  report(): string {
    const parts = [
      ['host agent', this.host.child.log],
      ['signaling', this.signaling.child.log],
      ['page', this.viewer.log],
    ];
    return parts
      .map(([name, log = '']) => `--- ${name} ---\n${log.split('\n').slice(-80).join('\n')}`)
      .join('\n');
  }

  async close(): Promise<void> {
    await this.viewer.close().catch(() => {});
    await this.browser.close().catch(() => {});
    await this.host.close();
    await this.signaling.close();
    await this.probe.close();
    await this.display.close();
  }
}

/** Opens all parts and the link; what had been opened is closed again when one fails. */
export async function openStack(options: StackOptions = {}): Promise<Stack> {
  const { width = 1280, height = 720, scene = 'still', address = '127.0.0.1' } = options;
  const closers: (() => Promise<void>)[] = [];
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    closers.unshift(() => part.close());
    return part;
  };
  try {
    const display = keep(await openDisplay(width, height));
    const probe = keep(new Probe(display.name, scene));
    await probe.ready();
    const signaling = keep(new Signaling({ host: address, env: options.signalingEnv }));
    await signaling.ready();
    const host = keep(
      new Host({
        display: display.name,
        address,
        port: signaling.port,
        video: options.video,
        tokenFile: options.tokenFile,
        relayOnly: options.relayOnly !== undefined && options.relayOnly !== false,
        env: options.hostEnv,
      }),
    );
    await host.ready();
    const browser = keep(
      await openBrowser({
        mdnsCandidates: options.mdnsCandidates ?? false,
        ...(options.browserPath === undefined ? {} : { executablePath: options.browserPath }),
      }),
    );
    const followEncoded = options.followEncoded ?? false;
    const relayOnly = options.relayOnly === true;
    const viewer = keep(await openViewer({ browser, width, height, followEncoded, relayOnly }));
    await viewer.open(host.viewerUrl);
    return new Stack({ display, probe, browser, viewer, signaling, host });
  } catch (error) {
    for (const close of closers) await close().catch(() => {});
    throw error;
  }
}
