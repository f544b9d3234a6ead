import type { Page } from 'playwright-core';

/**
 * Keeps the page drawing at the screen's rate. A page that rests starts a frame the moment it gets
 * one and dates it back to the last tick, so that a picture would seem presented before it arrived;
 * with a steady tick the callback's time is the tick in which the picture was really taken.
 */
export function keepTicking(page: Page): Promise<void> {
  return page.evaluate(() => {
    const tick = (): void => {
      requestAnimationFrame(tick);
    };
    tick();
  });
}
