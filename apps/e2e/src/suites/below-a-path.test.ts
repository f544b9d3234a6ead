/** The page and its signaling at a path of a reverse proxy, and in a frame of another page. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe } from 'node:test';

import { PathProxy } from '../harness/path-proxy.ts';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';

describe('below a path of a proxy', () => {
  /** A page that shows in a frame what its address names. */
  const framing = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://here');
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><iframe src="${searchParams.get('shows') ?? ''}"></iframe>`);
  });
  const framingAt = (host: string) => `http://${host}:${(framing.address() as AddressInfo).port}`;
  before(() => new Promise<void>((resolve) => framing.listen(0, resolve)));
  after(() => framing.close());

  const stack = useStack({
    signalingEnv: {
      BASE_PATH: '/my/desk',
      // Read when the service starts: the port is known then.
      get FRAME_ANCESTORS() {
        return framingAt('127.0.0.1');
      },
    },
  });

  for (const keepsPath of [false, true]) {
    const does = keepsPath ? 'leaves it on' : 'takes it off';
    stack.it(`one that ${does}: link, page, signaling and picture`, async (parts) => {
      const { port } = parts.signaling;
      const proxy = await PathProxy.open({ path: '/my/desk', keepsPath, port: () => port });
      const viewer = await openViewer({ browser: parts.browser });
      try {
        const { hash } = new URL(parts.host.viewUrl);
        await viewer.open(`${proxy.origin}/my/desk/${hash}`);
        await viewer.waitForPicture();
        assert.ok(proxy.asked.some((url) => url === '/my/desk/config.json'));
        // All that the page asks for lies below the path, its WebSocket too.
        const elsewhere = proxy.asked.filter((url) => !url.startsWith('/my/desk/'));
        assert.deepEqual(elsewhere, []);
      } finally {
        await viewer.close();
        await proxy.close();
      }
    });
  }

  stack.it('without the slash at its end, where the proxy leaves it on', async (parts) => {
    const { port } = parts.signaling;
    const proxy = await PathProxy.open({ path: '/my/desk', keepsPath: true, port: () => port });
    const viewer = await openViewer({ browser: parts.browser });
    try {
      const { hash } = new URL(parts.host.viewUrl);
      await viewer.open(`${proxy.origin}/my/desk${hash}`);
      await viewer.waitForPicture();
    } finally {
      await viewer.close();
      await proxy.close();
    }
  });

  stack.it('a page that FRAME_ANCESTORS names shows it, another one does not', async (parts) => {
    const { port } = parts.signaling;
    const page = await parts.browser.newPage();
    try {
      for (const [host, isShown] of [
        ['127.0.0.1', true],
        ['localhost', false],
      ] as const) {
        const shows = encodeURIComponent(`http://127.0.0.1:${port}/`);
        await page.goto(`${framingAt(host)}/?shows=${shows}`, { waitUntil: 'load' });
        const [frame] = page.frames().filter((one) => one !== page.mainFrame());
        assert.ok(frame !== undefined);
        // What a browser refuses to show has a document of the browser's own.
        assert.equal((await frame.title()) === 'Peerdeck', isShown, host);
      }
    } finally {
      await page.close();
    }
  });
});
