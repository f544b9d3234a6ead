import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { useStack } from '@peerdeck/harness/use-stack';
import { waitUntil } from '@peerdeck/harness/wait';
import type { EncodedFrame } from '@peerdeck/harness/page/peers';

/** Frames from the request to its IDR, the IDR included. */
function framesToKey(frames: readonly EncodedFrame[]): number | undefined {
  const request = frames.findIndex(({ kind }) => kind === 'request');
  const key = frames.findIndex(({ kind }, i) => i > request && kind === 'key');
  return key < 0 ? undefined : key - request;
}

/** Asks for a keyframe. -> the encoded frames from just before the request until its IDR came. */
async function askForKey(viewer: Viewer): Promise<EncodedFrame[]> {
  const frames: EncodedFrame[] = [];
  await viewer.takeEncoded();
  await viewer.requestKeyframe();
  await waitUntil('an IDR after the PLI', 5000, async () => {
    frames.push(...(await viewer.takeEncoded()));
    return framesToKey(frames);
  });
  return frames;
}

describe('recovery', () => {
  const stack = useStack({ followEncoded: true });

  stack.it('a PLI yields an IDR within 2 frames while the picture moves', async (parts) => {
    const { probe, viewer } = parts;
    await viewer.waitForPicture();
    probe.start(30);
    await viewer.waitForPaint(30);
    for (let round = 0; round < 5; round++) {
      const frames = framesToKey(await askForKey(viewer)) ?? Infinity;
      // one more may have been on its way when the request left the browser
      assert.ok(frames <= 3, `the IDR was frame ${frames} after the request`);
      // PLIs of one viewer are answered at most every so many frames: let the rest of them pass
      const decoded = (await viewer.inbound()).framesDecoded + 15;
      await waitUntil('15 frames more', 10_000, async () => {
        return (await viewer.inbound()).framesDecoded >= decoded;
      });
    }
    await probe.stop();
  });

  stack.it('a PLI yields an IDR within 2 frames on a still desktop', async ({ viewer }) => {
    await viewer.waitForPicture();
    let quietSince = performance.now();
    await waitUntil('a resting stream', 20_000, async () => {
      if ((await viewer.takeEncoded()).length > 0) quietSince = performance.now();
      return performance.now() - quietSince > 1500;
    });
    const before = await viewer.inbound();
    const frames = framesToKey(await askForKey(viewer)) ?? Infinity;
    assert.ok(frames <= 2, `the IDR was frame ${frames} after the request`);
    await waitUntil('the IDR decoded', 5000, async () => {
      return (await viewer.inbound()).keyFramesDecoded > before.keyFramesDecoded;
    });
    assert.ok((await viewer.inbound()).pliCount > before.pliCount, 'a PLI was sent');
  });

  stack.it('a second viewer of a still desktop gets its first picture at once', async (parts) => {
    const { browser, viewerUrl, viewer } = parts;
    await viewer.waitForPicture();
    const second = await openViewer({ browser });
    try {
      await second.open(viewerUrl);
      await second.waitForPicture();
      await waitUntil('a decoded IDR', 5000, async () => {
        return (await second.inbound()).keyFramesDecoded > 0;
      });
    } finally {
      await second.close();
    }
  });
});
