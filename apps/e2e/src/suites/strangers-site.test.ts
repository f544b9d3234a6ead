/** A web page of somebody else, open in a browser of the machine that `npm start` runs on. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { openBrowser } from '@peerdeck/harness/browser';
import { Child } from '@peerdeck/harness/child';
import { PageServer } from '../harness/page-server.ts';
import { startScript, workspace } from '@peerdeck/harness/paths';
import { processesWith } from '../harness/processes.ts';
import { openViewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';
import { freePort } from '@peerdeck/harness/free-port';

interface Status {
  ready: boolean;
  viewerUrl: string;
  pids: { signaling: number; hostAgent: number };
}

describe('a page of another site, beside npm start', () => {
  it('talks to ws://localhost', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'peerdeck-site-'));
    const statusFile = join(directory, 'status.json');
    const value = `${process.pid}-${Date.now()}`;
    const env: NodeJS.ProcessEnv = { ...process.env, PEERDECK_E2E_MARK: value };
    delete env['DISPLAY'];
    const port = await freePort();
    const args = [startScript, '--yes', '--host', '127.0.0.1', '--port', `${port}`];
    args.push('--status-file', statusFile);
    const start = new Child({
      name: 'npm start',
      command: process.execPath,
      args,
      cwd: workspace,
      env,
    });
    const status = (): Status | undefined => {
      if (start.ended) throw new Error(`npm start ended:\n${start.log}`);
      if (!existsSync(statusFile)) return undefined;
      const read = JSON.parse(readFileSync(statusFile, 'utf8')) as Status;
      return read.ready ? read : undefined;
    };
    const site = await PageServer.open();
    const browser = await openBrowser();
    try {
      const first = await waitUntil('ready in the status file', 180_000, status);
      const viewer = await openViewer({ browser });
      await viewer.open(first.viewerUrl);
      await viewer.waitForPicture(30_000);
      const page = await browser.newPage();
      await page.goto(site.url);
      const attempts = await page.evaluate(async (to) => {
        const attempt = (url: string, protocols: string[]): Promise<string> =>
          new Promise((resolve) => {
            const socket = new WebSocket(url, protocols);
            // Who is refused may be told so after the handshake; who is in hears something, or stays.
            socket.onmessage = () => resolve(`in: ${url}`);
            setTimeout(() => resolve(`stays: ${url}`), 20_000);
            socket.onclose = () => resolve('refused');
          });
        const seen: string[] = [];
        for (const host of ['localhost', '127.0.0.1', '[::1]']) {
          seen.push(await attempt(`ws://${host}:${to}/`, ['peerdeck.v2']));
          seen.push(await attempt(`ws://${host}:${to}/?roomId=site`, []));
        }
        // and it has all day: far more than any address is allowed
        const many = Array.from({ length: 300 }, () => {
          return attempt(`ws://127.0.0.1:${to}/`, ['peerdeck.v2']);
        });
        return [...seen, ...(await Promise.all(many))];
      }, port);
      const open = attempts.filter((one) => one !== 'refused');
      assert.deepEqual([...new Set(open)], [], `${open.length} of ${attempts.length} got in`);
      // What the site used up is not the agent's: with signaling anew, the agent is in again.
      await page.evaluate((to) => {
        setInterval(() => {
          for (let i = 0; i < 10; i++) new WebSocket(`ws://127.0.0.1:${to}/`, ['peerdeck.v2']);
        }, 100);
      }, port);
      process.kill(first.pids.signaling, 'SIGKILL');
      const again = await waitUntil('signaling and agent again', 60_000, () => {
        const now = status();
        return now !== undefined && now.pids.signaling !== first.pids.signaling ? now : undefined;
      });
      assert.equal(again.pids.hostAgent, first.pids.hostAgent, 'the agent was not harmed');
      assert.equal(await viewer.state(), 'connected');
      const second = await openViewer({ browser });
      await second.open(again.viewerUrl);
      await second.waitForPicture(30_000);
    } catch (error) {
      console.error(start.log);
      throw error;
    } finally {
      await browser.close();
      await site.close();
      await start.close();
      for (const pid of processesWith(`PEERDECK_E2E_MARK=${value}`)) process.kill(pid, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
