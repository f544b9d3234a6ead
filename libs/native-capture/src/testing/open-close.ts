/**
 * A program: opens and closes the whole native stack CYCLES times on DISPLAY, writes one JSON
 * line for each cycle and one for what is left, and then just ends: nothing here exits.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { openNativeMediaHost, type MediaHost } from '../index.ts';
import { BROWSER_OFFER } from './offer.ts';

const cycles = Number(process.env['CYCLES'] ?? '50');
const display = process.env['DISPLAY'] ?? '';

async function cycle(host: MediaHost): Promise<void> {
  const engine = await host.openEngine({ includeLoopback: true });
  const stream = await engine.openStream();
  const pipeline = await host.openPipeline({ source: { kind: 'x11', display } });
  const running = new Promise<void>((resolve) => {
    pipeline.on('encoder', (event) => event.state === 'running' && resolve());
  });
  await pipeline.connect(stream);
  const injector = await host.openInjector({ kind: 'xtest', display, pipeline });
  const peer = await engine.openPeer();
  const candidate = new Promise<void>((resolve) => peer.on('candidate', () => resolve()));
  const answer = await peer.answer(BROWSER_OFFER);
  if (!answer.includes('H264')) throw new Error('the answer has no H.264');
  await pipeline.start();
  await Promise.all([running, candidate]);
  injector.inject([{ kind: 'key', usage: 0xe1, down: true }]);
  pipeline.setRate({ bitsPerSecond: 2_000_000 });
  pipeline.requestKeyframe();
  await injector.close();
  await pipeline.close();
  await peer.close();
  await engine.close();
}

function report(extra: object): void {
  const status = readFileSync('/proc/self/status', 'utf8');
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  const fds = readdirSync('/proc/self/fd').length;
  const line = { rssKib: field('VmRSS'), threads: field('Threads'), fds, ...extra };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const errors: string[] = [];
for (let n = 0; n < cycles; n += 1) {
  const host = await openNativeMediaHost({
    log: (entry) => entry.level === 'error' && errors.push(entry.message),
  });
  await cycle(host);
  await host.close();
  globalThis.gc?.();
  report({ leaks: await host.leaks(), errors });
}
