import assert from 'node:assert/strict';
import { describe } from 'node:test';

import type { Page } from 'playwright-core';

import type { XInput } from '@peerdeck/harness/probe';
import type { Stack } from '@peerdeck/harness/stack';
import { useStack } from '@peerdeck/harness/use-stack';
import { waitUntil } from '@peerdeck/harness/wait';

/** `+a` a key down, `-a` up, `B+1@x,y` a button; motion is left out. */
function written(input: readonly XInput[]): string[] {
  return input.flatMap((each) => {
    if (each.event === 'key') return [`${each.down ? '+' : '-'}${each.keysym}`];
    if (each.event === 'button') return [`B${each.down ? '+' : '-'}${each.button}`];
    return [];
  });
}

/** Does `act` and waits until exactly this has reached the X window, motion aside. */
async function expectInput(stack: Stack, act: () => Promise<void>, wanted: readonly string[]) {
  const before = stack.probe.input.length;
  await act();
  await waitUntil(`${wanted.length} events`, 5000, () => {
    return written(stack.probe.input.slice(before)).length >= wanted.length;
  });
  assert.deepEqual(written(stack.probe.input.slice(before)), wanted);
}

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.id ?? '');

async function chord(page: Page, codes: readonly string[]): Promise<void> {
  for (const code of codes) await page.keyboard.down(code);
  for (const code of [...codes].reverse()) await page.keyboard.up(code);
}

/** Opens the toolbar by its handle, with the mouse. */
async function openToolbar(page: Page): Promise<void> {
  await page.locator('#handle').dispatchEvent('pointerenter', { pointerType: 'mouse' });
  await page.locator('#leave').waitFor({ state: 'visible' });
}

describe('the page', () => {
  const stack = useStack();

  stack.it('sends composed text and emoji as text', async (parts) => {
    const { page } = parts.viewer;
    await parts.viewer.waitForPicture();
    const insert = () => page.keyboard.insertText('hé😀');
    const typed = ['+h', '-h', '+eacute', '-eacute', '+U0001F600', '-U0001F600'];
    await expectInput(parts, insert, typed);
    const input = await page.context().newCDPSession(page);
    const compose = async () => {
      for (const text of ['に', 'にほ']) {
        const end = text.length;
        await input.send('Input.imeSetComposition', {
          text,
          selectionStart: end,
          selectionEnd: end,
        });
      }
      await input.send('Input.insertText', { text: '日本' });
    };
    await expectInput(parts, compose, ['+U65E5', '-U65E5', '+U672C', '-U672C']);
    await expectInput(parts, () => page.keyboard.press('KeyA'), ['+a', '-a']);
  });

  stack.it('lets everything go when the window loses the focus', async (parts) => {
    const { page } = parts.viewer;
    const holdAndLeave = async () => {
      await page.keyboard.down('ShiftLeft');
      await page.keyboard.down('KeyW');
      await page.mouse.move(300, 300);
      await page.mouse.down();
      await page.evaluate(() => window.dispatchEvent(new Event('blur')));
    };
    const letGo = ['+Shift_L', '+W', 'B+1', '-Shift_L', '-w', 'B-1'];
    await expectInput(parts, holdAndLeave, letGo);
    // What the hands still do to those keys is no input any more; the next key is.
    const afterwards = async () => {
      await page.keyboard.up('KeyW');
      await page.keyboard.up('ShiftLeft');
      await page.mouse.up();
      await page.keyboard.press('KeyB');
    };
    await expectInput(parts, afterwards, ['+b', '-b']);
  });

  stack.it('sends keys that the browser keeps, from the toolbar by keyboard', async (parts) => {
    const { page } = parts.viewer;
    const before = parts.probe.input.length;
    await chord(page, ['ControlLeft', 'AltLeft', 'ShiftLeft', 'KeyZ']);
    // The modifiers reach the host before the page knows the shortcut, and are let go after it.
    await waitUntil('three modifiers down and up', 5000, () => {
      return written(parts.probe.input.slice(before)).length >= 6;
    });
    await waitUntil('the toolbar focused', 5000, async () => (await focused(page)) !== '');
    assert.equal(await focused(page), 'fullscreen');
    while ((await focused(page)) !== 'open-keys') await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    const wanted = ['+Control_L', '+Alt_L', '+Delete', '-Delete', '-Alt_L', '-Control_L'];
    await expectInput(parts, () => page.keyboard.press('Enter'), wanted);
    assert.equal(await focused(page), 'keyboard-field', 'the picture has the keyboard again');
  });

  stack.it('presses where the pointer is while the mouse is captured', async (parts) => {
    const { page } = parts.viewer;
    const { probe } = parts;
    await page.mouse.click(600, 300);
    await openToolbar(page);
    await page.locator('#lock-pointer').click();
    await page.waitForFunction(() => document.pointerLockElement !== null);
    const start = probe.input.length;
    await page.mouse.move(700, 400);
    await page.mouse.move(710, 420);
    await page.mouse.down();
    await page.mouse.up();
    const buttons = () => probe.input.slice(start).filter(({ event }) => event === 'button');
    await waitUntil('the click', 5000, () => buttons().length >= 2);
    const seen = probe.input.slice(start).map(({ event }) => event);
    const press = seen.indexOf('button');
    assert.ok(press > 0, 'the motion came before the press');
    const places = probe.input.slice(start).flatMap((each) => ('x' in each ? [each] : []));
    const last = places[press - 1];
    for (const { x, y } of places.slice(press)) {
      assert.deepEqual({ x, y }, { x: last?.x, y: last?.y }, 'the press moved nothing');
    }
    await page.evaluate(() => document.exitPointerLock());
    await page.waitForFunction(() => document.pointerLockElement === null);
  });

  stack.it('goes fullscreen and back by F11, and the host never sees that key', async (parts) => {
    const { page } = parts.viewer;
    const back = async () => {
      await page.keyboard.press('F11');
      await page.waitForFunction(() => document.fullscreenElement?.id === 'stage');
      await page.keyboard.press('KeyC');
      await page.keyboard.press('F11');
      await page.waitForFunction(() => document.fullscreenElement === null);
      await page.keyboard.press('KeyD');
    };
    await expectInput(parts, back, ['+c', '-c', '+d', '-d']);
  });

  stack.it('draws the host’s cursor itself', async ({ viewer }) => {
    await viewer.page.waitForFunction(() => {
      const surface = document.querySelector<HTMLElement>('#surface');
      return /^url\("data:image\/png;base64,/.test(surface?.style.cursor ?? '');
    });
  });

  stack.it('taps, long presses and drags with a finger', async (parts) => {
    const { page } = parts.viewer;
    const input = await page.context().newCDPSession(page);
    const touch = async (type: 'touchStart' | 'touchMove' | 'touchEnd', x = 0, y = 0) => {
      const touchPoints = type === 'touchEnd' ? [] : [{ x, y }];
      await input.send('Input.dispatchTouchEvent', { type, touchPoints });
    };
    await input.send('Emulation.setTouchEmulationEnabled', { enabled: true });
    const tap = async () => {
      await touch('touchStart', 200, 200);
      await touch('touchEnd');
    };
    await expectInput(parts, tap, ['B+1', 'B-1']);
    await expectInput(parts, () => touch('touchStart', 300, 200), ['B+3', 'B-3']);
    await touch('touchEnd');
    const drag = async () => {
      await touch('touchStart', 300, 300);
      for (const x of [320, 340, 360]) await touch('touchMove', x, 300);
      await touch('touchEnd');
    };
    await expectInput(parts, drag, ['B+1', 'B-1']);
    await input.send('Emulation.setTouchEmulationEnabled', { enabled: false });
  });

  stack.it('keeps the session of a host that was silent for a while', async (parts) => {
    const { viewer, host, probe } = parts;
    const connections = () =>
      viewer.page.evaluate(() => window.peerdeckPeers?.connections.length ?? 0);
    const before = await connections();
    process.kill(host.pid, 'SIGSTOP');
    try {
      await viewer.waitForState('reconnecting', 15_000);
    } finally {
      process.kill(host.pid, 'SIGCONT');
    }
    await viewer.waitForState('connected', 15_000);
    assert.equal(await connections(), before, 'the same peer connection');
    await viewer.startReading();
    const paint = await probe.paint();
    await viewer.waitForPaint(paint);
  });

  stack.it('works under its own content security policy', async ({ browser, viewerUrl }) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const violations: string[] = [];
    await page.exposeFunction('reportViolation', (what: string) => violations.push(what));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        const { reportViolation } = window as unknown as {
          reportViolation: (what: string) => void;
        };
        reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    try {
      await page.goto(viewerUrl);
      await page.waitForFunction(() => document.documentElement.dataset['state'] === 'connected');
      await page.locator('#overlay').waitFor({ state: 'hidden' });
      assert.deepEqual(violations, []);
    } finally {
      await context.close();
    }
  });

  stack.it('takes a typed code, says what it is, and keeps it out of storage', async (parts) => {
    const url = new URL(parts.viewerUrl);
    const code = new URLSearchParams(url.hash.slice(1)).get('c') ?? '';
    url.hash = '';
    const context = await parts.browser.newContext();
    const page = await context.newPage();
    try {
      await page.goto(url.href);
      assert.ok(await page.locator('#connect').isDisabled());
      const hint = page.locator('#code-hint');
      await page.locator('#code').pressSequentially(code.slice(0, 6).toLowerCase());
      assert.equal(await hint.innerText(), '5 of 16 characters');
      await page.locator('#code').fill(` ${code.replaceAll('-', ' ').toLowerCase()}`);
      assert.equal(await hint.innerText(), 'Control code.');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.documentElement.dataset['state'] === 'connected');
      assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
      assert.ok(!page.url().includes('#'), 'the address has no code');
    } finally {
      await context.close();
    }
  });

  stack.it('a link of another host gets no picture, and the page says why', async (parts) => {
    const { page } = parts.viewer;
    const other = new URL(parts.viewerUrl);
    const fragment = new URLSearchParams(other.hash.slice(1));
    fragment.set('h', 'A'.repeat(22));
    other.hash = fragment.toString();
    await parts.viewer.open(other.href);
    await parts.viewer.waitForState('error');
    assert.match(await page.locator('#overlay').innerText(), /not the host of your link/);
    assert.equal(await page.evaluate(() => document.querySelector('video')?.videoWidth), 0);
  });
});
