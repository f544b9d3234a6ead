import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

import { endWithThis } from './child.ts';

/** An X server without a screen of glass; the number is the server's own choice. */
export class Display {
  readonly name: string;
  readonly pid: number;
  readonly #process: ChildProcess;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.pid = child.pid ?? 0;
    this.#process = child;
  }

  async close(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(timer);
  }
}

/** `width` × `height` pixels, 24 bits deep. */
export function openDisplay(width: number, height: number): Promise<Display> {
  const args = ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'];
  const child = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = `${errors}${chunk}`.slice(-4000)));
  endWithThis(child);
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (why: string): void => reject(new Error(`Xvfb ${why}: ${errors.trim()}`));
    child.once('error', (error) => fail(`cannot start (${error.message})`));
    child.once('exit', (code) => fail(`ended with ${code}`));
    (child.stdio[3] as Readable).on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith('\n')) resolve(new Display(`:${text.trim()}`, child));
    });
  });
}
