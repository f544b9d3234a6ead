/**
 * How long the files are: `node tools/house/sizes.mjs` prints the median and the longest.
 * A file over 400 lines says why in its first lines, as "Over 400 lines: <reason>".
 */
import { fileURLToPath } from 'node:url';
import { filesOf, read } from './files.mjs';

export const MOST_LINES = 400;
export const MEDIAN_LINES = 110;
const REASON = /Over 400 lines: \S.{15,}/;

export function sizes() {
  return filesOf(/^(?:apps|libs|native|tools)\/.*\.(?:ts|mts|mjs|js|go|c|cpp|h|hpp|css)$/)
    .map((name) => {
      const lines = read(name).split('\n');
      return {
        name,
        lines: lines.length - 1,
        reason: REASON.exec(lines.slice(0, 12).join('\n'))?.[0],
      };
    })
    .sort((a, b) => b.lines - a.lines);
}

export function median(files) {
  return files[Math.floor(files.length / 2)]?.lines ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = sizes();
  console.log(`${files.length} files, median ${median(files)} lines`);
  for (const { name, lines, reason = '' } of files.filter((file) => file.lines > 300)) {
    console.log(`${lines} ${name} ${reason}`);
  }
}
