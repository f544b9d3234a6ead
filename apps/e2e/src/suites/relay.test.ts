/**
 * Host and page that reach each other over a TURN server only, with the credentials that signaling
 * gives them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';

import { TurnServer } from '../harness/turn-server.ts';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';
import type { Viewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';

const secret = randomBytes(32).toString('hex');
const relayed = { local: 'relay', remote: 'relay' };

function useTurn(
  env: Record<string, string>,
  transport: 'udp' | 'tcp' | 'tls' = 'udp',
): () => TurnServer {
  let server: TurnServer | undefined;
  before(async () => {
    server = await TurnServer.open(secret);
    env['TURN_URLS'] = server.url(transport);
    env['TURN_SECRET'] = secret;
  });
  after(() => server?.close());
  return () => {
    if (server === undefined) throw new Error('no TURN server');
    return server;
  };
}

/** User names that the page's newest connection would use next. */
const usernames = (viewer: Viewer): Promise<string[]> =>
  viewer.page.evaluate(() => {
    const { iceServers = [] } = window.peerdeckPeers?.connections.at(-1)?.getConfiguration() ?? {};
    return iceServers.map(({ username = '' }) => username);
  });

describe('over a relay only', () => {
  const signalingEnv: Record<string, string> = {};
  const turn = useTurn(signalingEnv);
  const stack = useStack({ signalingEnv, relayOnly: true });

  stack.it('the picture arrives, and clicks go back', async (parts) => {
    const { probe, viewer } = parts;
    await viewer.waitForPicture();
    assert.deepEqual(await viewer.path(), relayed);
    await probe.run(30, 30);
    await viewer.waitForPaint(30);
    await viewer.page.mouse.click(300, 200);
    await waitUntil('the click', 5000, () => {
      return probe.input.some((each) => each.event === 'button' && !each.down);
    });
    assert.match(turn().child.log, /ALLOCATE processed, success/);
  });

  stack.it('a page that was there before its host gets its relay with the host', async (parts) => {
    parts.host.child.kill('SIGKILL');
    await parts.host.child.waitForExit(5000);
    const early = await openViewer({ browser: parts.browser, relayOnly: true });
    try {
      await early.open(parts.viewerUrl);
      await early.waitForState('waiting');
      assert.deepEqual(
        await early.page.evaluate(() => window.peerdeckPeers?.connections.length),
        0,
      );
      parts.host = parts.host.again();
      await parts.host.ready();
      await early.waitForPicture();
      assert.deepEqual(await early.path(), relayed);
    } finally {
      await early.close();
    }
  });

  stack.it('no log of ours has a credential', async (parts) => {
    const names = await usernames(parts.viewer);
    assert.ok(names.length > 0);
    for (const log of [parts.signaling.child.log, parts.host.child.log, parts.viewer.log]) {
      assert.ok(!log.includes(secret));
      for (const name of names) assert.ok(!log.includes(name.split(':')[1] ?? name));
    }
  });
});

describe('over a relay that is reached by TCP', () => {
  const signalingEnv: Record<string, string> = {};
  useTurn(signalingEnv, 'tcp');
  const stack = useStack({ signalingEnv, relayOnly: true });

  stack.it('the picture arrives over TCP and UDP', async ({ probe, viewer }) => {
    await viewer.waitForPicture();
    assert.deepEqual(await viewer.path(), relayed);
    await probe.run(30, 30);
    await viewer.waitForPaint(30);
  });
});

describe('a host whose relay is reached by TLS', () => {
  const signalingEnv: Record<string, string> = {};
  const hostEnv: Record<string, string> = {};
  const turn = useTurn(signalingEnv, 'tls');
  before(() => {
    // The only one that the host's side takes for good.
    hostEnv['SSL_CERT_FILE'] = turn().certificate;
  });
  const stack = useStack({ signalingEnv, hostEnv, relayOnly: 'host' });

  stack.it('the picture arrives over TLS and UDP', async ({ probe, viewer }) => {
    await viewer.waitForPicture();
    assert.equal((await viewer.path()).remote, 'relay');
    await probe.run(30, 30);
    await viewer.waitForPaint(30);
  });
});

describe('with credentials that end soon', () => {
  const signalingEnv: Record<string, string> = { TURN_TTL_S: '10' };
  const turn = useTurn(signalingEnv);
  const stack = useStack({ signalingEnv, relayOnly: true });

  stack.it('the picture stays past their end, on the relay that stands', async (parts) => {
    const { probe, viewer } = parts;
    await viewer.waitForPicture();
    const [first = ''] = await usernames(viewer);
    probe.start(30);
    await waitUntil('newer credentials, and the end of the first', 30_000, async () => {
      const [newest = ''] = await usernames(viewer);
      return newest !== first && Date.now() / 1000 > Number(first.split(':')[0]) + 1;
    });
    await viewer.waitForPaint(await probe.paint());
    assert.equal(await viewer.state(), 'connected');
    assert.equal(await viewer.page.evaluate(() => window.peerdeckPeers?.connections.length), 1);
  });

  stack.it('and when the relay is lost, the newest ones open another', async (parts) => {
    const { probe, viewer } = parts;
    await turn().restart();
    const paint = await probe.paint();
    await waitUntil('the picture again', 60_000, async () => {
      return (await viewer.takeFrames()).some((frame) => (frame.paint ?? -1) >= paint + 300);
    });
    await viewer.waitForState('connected');
    assert.deepEqual(await viewer.path(), relayed);
    // The host's side of the old one could open no relay: what it had has ended.
    assert.equal(await viewer.page.evaluate(() => window.peerdeckPeers?.connections.length), 2);
    await probe.stop();
  });
});
