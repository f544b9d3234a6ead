import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** An X server of the test's own, on a free display. */
export async function startXvfb(size = '640x360x24'): Promise<{ display: string; stop(): void }> {
  const args = ['-displayfd', '3', '-screen', '0', size, '-nolisten', 'tcp', '-noreset'];
  const child = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const number = await firstLine(child);
  return { display: `:${number}`, stop: () => void child.kill() };
}

function firstLine(child: ChildProcess): Promise<string> {
  const pipe = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Xvfb ended (${code}) before it was ready`)));
    pipe.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text.trim());
    });
  });
}
