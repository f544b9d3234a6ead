/** The page on a web server of its own, which finds signaling by config.json or by the link. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { PageServer } from '../harness/page-server.ts';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';

describe('the page from elsewhere', () => {
  let pages: PageServer;
  before(async () => {
    pages = await PageServer.open();
  });
  after(() => pages.close());
  const stack = useStack({
    signalingEnv: {
      // Read when the service starts: the port is known then.
      get ALLOWED_ORIGINS() {
        return pages.origin;
      },
    },
  });

  stack.it('a page that is not allowed does not get in', async ({ viewer }) => {
    // The one that the stack opened is signaling's own, which the list leaves out.
    await viewer.waitForState('error');
  });

  stack.it('config.json beside index.html says where signaling is', async (parts) => {
    pages.config = { signalingUrl: `ws://127.0.0.1:${parts.signaling.port}/` };
    const viewer = await openViewer({ browser: parts.browser });
    try {
      await viewer.open(`${pages.url}${new URL(parts.host.viewUrl).hash}`);
      await viewer.waitForPicture();
    } finally {
      await viewer.close();
    }
  });

  stack.it('without it, the link says so', async (parts) => {
    pages.config = undefined;
    const { hash } = new URL(parts.host.viewUrl);
    assert.ok(!hash.includes('&s='));
    const signaling = encodeURIComponent(`ws://127.0.0.1:${parts.signaling.port}/`);
    const viewer = await openViewer({ browser: parts.browser });
    try {
      await viewer.open(`${pages.url}${hash}&s=${signaling}`);
      await viewer.waitForPicture();
    } finally {
      await viewer.close();
    }
  });
});
