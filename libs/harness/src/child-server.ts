import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from './wait.ts';

const READY_MS = 15_000;

export interface ChildServerOptions {
  /** The command, and the Debian package that it is in. */
  readonly command: string;
  readonly name: string;
  /** `folder` is the child's own, and is removed with it. */
  readonly args: (folder: string) => readonly string[];
  /** Answers 200 once the child is ready. */
  readonly readyUrl: string;
}

/** Somebody else's server as a child of the test. */
export class ChildServer {
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#process = child;
  }

  static async start({ command, name, args, readyUrl }: ChildServerOptions): Promise<ChildServer> {
    const folder = mkdtempSync(join(tmpdir(), `peerdeck-${name}-`));
    const child = spawn(command, args(folder), { stdio: 'ignore' });
    const server = new ChildServer(folder, child);
    let fault: string | undefined;
    child.once('error', (error) => {
      fault = `${command} cannot be started (${error.message}): install the package ${name}`;
    });
    child.once('exit', (code) => {
      fault ??= `${command} ended with ${code}`;
    });
    try {
      await waitUntil(`${name} at ${readyUrl}`, READY_MS, async () => {
        if (fault !== undefined) throw new Error(fault);
        return (await fetch(readyUrl).catch(() => undefined))?.ok === true;
      });
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
