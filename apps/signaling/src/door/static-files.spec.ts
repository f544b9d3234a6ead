import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StaticFiles } from './static-files.ts';

test('a file that many ask for at once is read and compressed once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-static-'));
  writeFileSync(join(folder, 'index.html'), `<!doctype html>${'long '.repeat(10_000)}`);
  const files = await StaticFiles.open(folder, { basePath: '', frameAncestors: "'none'" });
  const bodies = new Set<unknown>();
  const headers = { 'accept-encoding': 'br' };
  const ask = () =>
    files.handle(
      { method: 'GET', url: '/', headers } as unknown as IncomingMessage,
      {
        writeHead: () => {},
        end: (body: unknown) => void bodies.add(body),
      } as unknown as ServerResponse,
    );
  await Promise.all(Array.from({ length: 50 }, ask));
  expect(bodies.size).toBe(1);
  expect(bodies.has(undefined)).toBe(false);
  rmSync(folder, { recursive: true });
});
