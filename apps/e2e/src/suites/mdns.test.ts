import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { useStack } from '@peerdeck/harness/use-stack';
import { waitUntil } from '@peerdeck/harness/wait';

describe('the default privacy flags', () => {
  const stack = useStack({ mdnsCandidates: true });

  stack.it('a browser that hides its addresses behind mDNS names connects', async (parts) => {
    const { probe, viewer } = parts;
    await viewer.waitForPicture();
    const local = await viewer.page.evaluate(
      () => window.peerdeckPeers?.connections.at(-1)?.localDescription?.sdp ?? '',
    );
    const addresses = [...local.matchAll(/^a=candidate:\S+ \d+ \S+ \d+ (\S+) .*typ host/gm)];
    assert.ok(addresses.length > 0, 'the browser has host candidates');
    for (const [, address = ''] of addresses) assert.match(address, /\.local$/);
    await probe.run(30, 30);
    await viewer.waitForPaint(30);
    await probe.reset();
    await viewer.waitForExactPaint(0);
    await viewer.page.mouse.click(300, 200);
    await waitUntil('the click', 5000, () => {
      return probe.input.some((each) => each.event === 'button' && !each.down);
    });
  });
});
