import { measureClock } from '@peerdeck/harness/clock';
import type { XInput } from '@peerdeck/harness/probe';
import type { Stack } from '@peerdeck/harness/stack';
import { percentile } from '@peerdeck/harness/statistics';
import { delay, waitUntil } from '@peerdeck/harness/wait';

export interface HandFigures {
  /** DOM key event dispatched -> the X client has it, ms. */
  inputP50: number;
  inputP99: number;
  /** DOM mousedown dispatched -> the tick that presents its effect, ms. */
  clickToPhotonP50: number;
  clickToPhotonP95: number;
  /** DOM mousedown -> the page's script runs for that frame. */
  clickToScriptP50: number;
}

declare global {
  interface Window {
    peerdeckHand?: { keys: number[]; clicks: number[] };
  }
}

/** Notes when the page's own listeners can first see an event; capture comes before them. */
function installHand(): void {
  const hand = { keys: [] as number[], clicks: [] as number[] };
  window.peerdeckHand = hand;
  for (const type of ['keydown', 'keyup']) {
    window.addEventListener(type, () => hand.keys.push(performance.now()), { capture: true });
  }
  const click = (): number => hand.clicks.push(performance.now());
  window.addEventListener('pointerdown', click, { capture: true });
}

/** Spread over more than one tick of the screen, so that no phase is measured alone. */
const spreadMs = (i: number): number => 60 + ((i * 37) % 61);

async function measureKeys(stack: Stack, count: number): Promise<number[]> {
  const { viewer, probe } = stack;
  const first = probe.input.length;
  const keys = (): XInput[] => probe.input.slice(first).filter(({ event }) => event === 'key');
  for (let i = 0; i < count; i++) {
    await viewer.page.keyboard.press('KeyA', { delay: 10 });
    await delay(spreadMs(i) / 3);
  }
  await waitUntil('all keys', 5000, () => keys().length >= count * 2);
  const { toMonotonicUs } = await measureClock(viewer.page);
  const sent = await viewer.page.evaluate(() => window.peerdeckHand?.keys.splice(0) ?? []);
  return keys().map(({ us }, i) => (us - toMonotonicUs(sent[i] ?? NaN)) / 1000);
}

async function measureClicks(
  stack: Stack,
  count: number,
): Promise<{ tick: number; script: number }[]> {
  const { viewer } = stack;
  const { page } = viewer;
  await page.evaluate(() => window.peerdeckHand?.clicks.splice(0));
  await viewer.takeFrames();
  for (let i = 0; i < count; i++) {
    await page.mouse.down();
    await delay(10);
    await page.mouse.up();
    await delay(100 + spreadMs(i));
  }
  await delay(300);
  const clicked = await page.evaluate(() => window.peerdeckHand?.clicks.splice(0) ?? []);
  const frames = await viewer.takeFrames();
  const changes = frames.filter((frame, i) => {
    const before = frames[i - 1];
    return before ? before.clicks !== frame.clicks : i === 0;
  });
  return clicked.flatMap((at, i) => {
    const next = clicked[i + 1] ?? Infinity;
    const shown = changes.find(({ called }) => called >= at && called < next);
    return shown ? [{ tick: shown.now - at, script: shown.called - at }] : [];
  });
}

/** Keys and clicks on a still desktop. */
export async function measureHand(stack: Stack, count: number): Promise<HandFigures> {
  const { viewer, probe } = stack;
  await probe.scene('still');
  await viewer.page.evaluate(installHand);
  await viewer.page.mouse.click(640, 360);
  await delay(500);
  await viewer.page.evaluate(() => window.peerdeckHand?.clicks.splice(0));
  const keys = await measureKeys(stack, count);
  const clicks = await measureClicks(stack, count);
  if (clicks.length < count * 0.9) throw new Error(`${clicks.length} of ${count} clicks shown`);
  const ticks = clicks.map(({ tick }) => tick);
  return {
    inputP50: percentile(keys, 0.5),
    inputP99: percentile(keys, 0.99),
    clickToPhotonP50: percentile(ticks, 0.5),
    clickToPhotonP95: percentile(ticks, 0.95),
    clickToScriptP50: percentile(
      clicks.map(({ script }) => script),
      0.5,
    ),
  };
}
