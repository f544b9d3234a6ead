import { readFileSync, readdirSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';

import { openWindowedBrowser } from './browser.ts';
import { Child } from './child.ts';
import { openDisplay } from './display.ts';
import { Hands } from './hands.ts';
import { openViewer } from './viewer.ts';
import type { Viewer } from './viewer.ts';
import { waitUntil } from './wait.ts';

/** Where a person sits: a screen with a window manager, Chromium in a window, and hands. */
export class Desk {
  readonly browser: Browser;
  readonly viewer: Viewer;
  readonly hands: Hands;
  readonly #browserPid: number;
  readonly #close: () => Promise<void>;

  private constructor(
    parts: Pick<Desk, 'browser' | 'viewer' | 'hands'>,
    browserPid: number,
    close: () => Promise<void>,
  ) {
    this.browser = parts.browser;
    this.viewer = parts.viewer;
    this.hands = parts.hands;
    this.#browserPid = browserPid;
    this.#close = close;
  }

  static async open(): Promise<Desk> {
    const closers: (() => Promise<void>)[] = [];
    const keep = <T extends { close(): Promise<void> }>(part: T): T => {
      closers.unshift(() => part.close());
      return part;
    };
    const close = async (): Promise<void> => {
      for (const one of closers.splice(0)) await one().catch(() => {});
    };
    try {
      const home = mkdtempSync(join(tmpdir(), 'peerdeck-desk-'));
      closers.unshift(() => Promise.resolve(rmSync(home, { recursive: true, force: true })));
      const display = keep(await openDisplay(1400, 1000));
      keep(
        new Child({
          name: 'openbox',
          command: 'openbox',
          env: { ...process.env, DISPLAY: display.name, HOME: home },
        }),
      );
      const hands = keep(new Hands(display.name));
      await hands.ready();
      const { browser, pid, close: closeBrowser } = await openWindowedBrowser(display.name);
      closers.unshift(closeBrowser);
      const viewer = keep(await openViewer({ browser, windowed: true }));
      return new Desk({ browser, viewer, hands }, pid, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Puts the pointer on a place of the page, in CSS pixels. */
  async pointAt(x: number, y: number): Promise<void> {
    const corner = await this.viewer.page.evaluate(() => ({
      x: window.screenX + (window.outerWidth - window.innerWidth) / 2,
      y: window.screenY + window.outerHeight - window.innerHeight,
    }));
    await this.hands.move(corner.x + x, corner.y + y);
  }

  /** Waits until the window manager has given the window the keyboard. */
  async waitForFocus(): Promise<void> {
    await waitUntil('the window has the keyboard', 10_000, () =>
      this.viewer.page.evaluate(() => document.hasFocus()),
    );
  }

  /** Stops the browser in all its processes, as a computer does that falls asleep; and back. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of processTree(this.#browserPid)) {
      try {
        process.kill(pid, signal);
      } catch {
        // ended meanwhile
      }
    }
  }

  close(): Promise<void> {
    this.signal('SIGCONT');
    return this.#close();
  }
}

/** A process and all that came from it. */
function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The name before the parent's number may have spaces and brackets.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // ended meanwhile
    }
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}
