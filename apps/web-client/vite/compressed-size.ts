import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** What a browser loads before it can connect: everything in dist but source maps and config. */
const FIRST_LOAD = /\.(html|js|css|svg|woff2|webmanifest)$/;

export interface FileSize {
  readonly name: string;
  readonly bytes: number;
  readonly gzip: number;
  readonly brotli: number;
}

/** Sizes in bytes of the first load below `dist`, compressed file by file as a server would. */
export function firstLoadSizes(dist: string): FileSize[] {
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => FIRST_LOAD.test(name))
    .sort()
    .map((name) => {
      const content = readFileSync(join(dist, name));
      return {
        name,
        bytes: content.length,
        gzip: gzipSync(content, { level: 9 }).length,
        brotli: brotliCompressSync(content).length,
      };
    });
}

export function totalOf(sizes: readonly FileSize[], key: 'bytes' | 'gzip' | 'brotli'): number {
  return sizes.reduce((sum, size) => sum + size[key], 0);
}
