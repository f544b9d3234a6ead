/**
 * A signaling service that asks for tokens: the host brings one in a file, a viewer in the page
 * or in the link.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';

import { mintToken } from '../harness/tokens.ts';
import { useStack } from '@peerdeck/harness/use-stack';
import { openViewer } from '@peerdeck/harness/viewer';

describe('with ENABLE_AUTH', () => {
  const secret = randomBytes(32).toString('base64url');
  const directory = mkdtempSync(join(tmpdir(), 'peerdeck-token-'));
  const tokenFile = join(directory, 'host.token');
  /** Long enough to start with on a slow machine, and short enough to wait for its end. */
  const hostTtl = '30s';

  const putHostToken = async (ttl: string): Promise<void> => {
    const token = await mintToken(secret, '--room', '*', '--role', 'host', '--ttl', ttl);
    writeFileSync(`${tokenFile}.new`, token);
    renameSync(`${tokenFile}.new`, tokenFile);
  };
  const viewerToken = (room: string): Promise<string> =>
    mintToken(secret, '--room', room, '--role', 'viewer', '--ttl', '10m');

  before(() => putHostToken(hostTtl));
  after(() => {
    rmSync(directory, { recursive: true });
  });
  const stack = useStack({
    signalingEnv: { ENABLE_AUTH: 'true', JWT_SECRET: secret, JWT_CLOCK_SKEW_S: '0' },
    tokenFile,
  });

  stack.it('the page asks for a token, and the right one opens the picture', async (parts) => {
    const { page } = parts.viewer;
    await parts.viewer.waitForState('error');
    await page.getByRole('button', { name: 'Enter a token' }).click();
    await page.locator('#token').fill(await viewerToken('another-room'));
    await page.locator('#connect').click();
    await parts.viewer.waitForState('error');
    const details = (await page.locator('#overlay-technical p').textContent()) ?? '';
    const [, connection, trace] = /connection (\S+) · trace (\w+)$/.exec(details) ?? [];
    const mark = `"connection":"${connection}","trace":"${trace}"`;
    assert.ok(parts.signaling.child.log.includes(mark), `the service's log has ${mark}`);
    await page.getByRole('button', { name: 'Enter a token' }).click();
    await page.locator('#token').fill(await viewerToken('*'));
    await page.locator('#connect').click();
    await parts.viewer.waitForPicture();
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
    assert.equal(stored, '{}', 'the token is kept nowhere');
  });

  stack.it('a host whose token ends goes on with the next one in its file', async (parts) => {
    const { host, probe, viewer } = parts;
    await putHostToken('10m');
    await host.child.waitForLine(/the token has expired/, 60_000);
    await host.child.waitForLine(/"resumed":true/, 30_000);
    assert.equal(await viewer.state(), 'connected', 'the picture did not notice');
    await viewer.waitForPaint(await probe.paint());
  });

  stack.it('a link with a token opens the picture', async (parts) => {
    const viewer = await openViewer({ browser: parts.browser });
    try {
      await viewer.open(`${parts.host.viewUrl}&t=${await viewerToken('*')}`);
      await viewer.waitForPicture();
    } finally {
      await viewer.close();
    }
  });

  stack.it("the host's log names its connection as the service's does", (parts) => {
    const joined = /"connection":"[\w-]+","trace":"\w{32}"(?=.*"joined the room")/;
    const [mark] = joined.exec(parts.host.child.log) ?? [];
    assert.ok(mark !== undefined && parts.signaling.child.log.includes(mark), mark);
    return Promise.resolve();
  });

  stack.it('no log has a token, nor the secret', (parts) => {
    for (const log of [parts.signaling.child.log, parts.host.child.log, parts.viewer.log]) {
      assert.ok(!log.includes(secret));
      assert.ok(!/eyJ[\w-]+\.[\w-]+\./.test(log));
    }
    return Promise.resolve();
  });
});
