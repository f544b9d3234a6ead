import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { wrongCodeUrlOf } from '../harness/links.ts';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { typeText } from '../harness/typing.ts';
import { waitUntil } from '@peerdeck/harness/wait';
import type { Stack } from '@peerdeck/harness/stack';

async function withSecondViewer(stack: Stack, body: (viewer: Viewer) => Promise<void>) {
  const viewer = await openViewer({ browser: stack.browser });
  try {
    await body(viewer);
  } finally {
    await viewer.close();
  }
}

describe('who may do what', () => {
  const stack = useStack();

  stack.it('a wrong code gets no picture and says so', async (parts) => {
    await parts.viewer.waitForPicture();
    await withSecondViewer(parts, async (second) => {
      await second.open(wrongCodeUrlOf(parts.viewerUrl));
      // nobody is in that code's room: the page waits for a host, or says that there is none
      await waitUntil('an answer', 20_000, async () => {
        return ['waiting', 'error'].includes(await second.state());
      });
      const frames = await second.page.evaluate(
        () => document.querySelector<HTMLVideoElement>('#video')?.videoWidth ?? 0,
      );
      assert.equal(frames, 0, 'no picture');
    });
  });

  stack.it('a view link shows the picture and cannot send input', async (parts) => {
    const { probe, viewer, host } = parts;
    await viewer.waitForPicture();
    await withSecondViewer(parts, async (second) => {
      await second.open(host.viewUrl);
      await second.waitForPicture();
      await probe.paint();
      const before = probe.input.length;
      await second.page.mouse.click(300, 200);
      await typeText(second.page, 'Not allowed');
      await second.page.mouse.wheel(0, 100);
      // Past the page too: the host itself must refuse what a changed page could send. Then the
      // controlling viewer's click must be the first input that arrives.
      await second.page.evaluate(() => {
        const channels = window.peerdeckPeers?.channels ?? [];
        for (const channel of channels.filter(({ label }) => label === 'input')) {
          channel.send(new Uint8Array([4, 1, 0, 0, 0, 128, 0, 128, 1, 0, 0, 0]));
          channel.send(new Uint8Array([1, 1, 4, 0, 1, 0, 4, 0]));
        }
      });
      await viewer.page.mouse.click(640, 360);
      const clicked = (): boolean =>
        probe.input.slice(before).some((each) => each.event === 'button' && !each.down);
      await waitUntil("the controlling viewer's click", 5000, clicked);
      const arrived = probe.input.slice(before).filter(({ event }) => event !== 'motion');
      assert.equal(arrived.length, 2, JSON.stringify(arrived));
    });
  });
});
