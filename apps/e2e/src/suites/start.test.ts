import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { openBrowser } from '@peerdeck/harness/browser';
import { Child } from '@peerdeck/harness/child';
import { startScript, workspace } from '@peerdeck/harness/paths';
import { processesWith } from '../harness/processes.ts';
import { openViewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';
import { freePort } from '@peerdeck/harness/free-port';

interface Status {
  ready: boolean;
  viewerUrl: string;
  display: string;
  pids: { signaling: number; hostAgent: number };
}

const readStatus = (file: string): Status | undefined => {
  if (!existsSync(file)) return undefined;
  const status = JSON.parse(readFileSync(file, 'utf8')) as Status;
  return status.ready ? status : undefined;
};

describe('npm start', () => {
  it('shows its demo desktop in a browser, and Ctrl-C leaves no process', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'peerdeck-start-'));
    const statusFile = join(directory, 'status.json');
    // every process it starts inherits this, so that none can hide
    const mark = `PEERDECK_E2E_MARK=${process.pid}-${Date.now()}`;
    const env: NodeJS.ProcessEnv = { ...process.env, PEERDECK_E2E_MARK: mark.split('=')[1] };
    delete env['DISPLAY'];
    const port = `${await freePort()}`;
    const start = new Child({
      name: 'npm start',
      command: process.execPath,
      args: [
        startScript,
        '--yes',
        '--host',
        '127.0.0.1',
        '--port',
        port,
        '--status-file',
        statusFile,
      ],
      cwd: workspace,
      env,
    });
    try {
      const status = await waitUntil('ready in the status file', 180_000, () => {
        if (start.ended) throw new Error(`npm start ended:\n${start.log}`);
        return readStatus(statusFile);
      });
      const browser = await openBrowser();
      try {
        const viewer = await openViewer({ browser });
        await viewer.open(status.viewerUrl);
        await viewer.waitForPicture(30_000);
        const { framesDecoded, frameWidth = 0 } = await viewer.inbound();
        assert.ok(framesDecoded > 0 && frameWidth > 0, 'the desktop is decoded');
        await viewer.close();
      } finally {
        await browser.close();
      }
      assert.ok(processesWith(mark).length >= 3, 'start, signaling and host agent are running');
      start.kill('SIGINT');
      await start.waitForExit(20_000);
      await waitUntil('no process left', 5000, () => processesWith(mark).length === 0);
    } catch (error) {
      console.error(start.log);
      throw error;
    } finally {
      await start.close();
      for (const pid of processesWith(mark)) process.kill(pid, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
