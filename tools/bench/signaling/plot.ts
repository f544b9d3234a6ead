import { related, type Report, type Result } from './report.ts';

interface Panel {
  readonly title: string;
  readonly key: string;
  readonly digits: number;
}

const panels: readonly Panel[] = [
  { title: 'messages/s, one in flight a room', key: 'perSecond', digits: 0 },
  { title: 'CPU µs a message (servers)', key: 'cpuUs', digits: 1 },
  { title: 'the same, 8 in flight', key: 'batchedCpuUs', digits: 1 },
  { title: 'paced: p50 ms', key: 'pacedP50', digits: 2 },
  { title: 'paced: p99 ms', key: 'pacedP99', digits: 2 },
  { title: 'KB RSS an idle connection', key: 'idleKb', digits: 1 },
  { title: 'connections/s', key: 'connectsPerSecond', digits: 0 },
];

const ROW = 22;
const LABEL = 230;
const BAR = 260;
const WIDTH = LABEL + BAR + 80;

/** The figures as bars: an SVG file that needs nothing else. */
export function plot(report: Report): string {
  const results = related(report);
  const parts: string[] = [];
  let y = 10;
  for (const { title, key, digits } of panels) {
    const rows = results.flatMap((result) => {
      const value = result.median[key];
      return value === undefined || Number.isNaN(value) ? [] : [{ result, value }];
    });
    if (rows.length === 0) continue;
    const most = Math.max(...rows.map(({ value }) => value));
    parts.push(text(10, y + 16, title, 'font-weight="bold"'));
    y += 26;
    for (const { result, value } of rows) {
      const width = most === 0 ? 0 : (BAR * value) / most;
      parts.push(
        text(LABEL - 8, y + 15, result.title, 'text-anchor="end"'),
        `<rect x="${LABEL}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 6}" fill="${colour(result)}"/>`,
        text(LABEL + width + 6, y + 15, value.toFixed(digits), ''),
      );
      y += ROW;
    }
    y += 12;
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" ` +
    'font-family="sans-serif" font-size="12">\n' +
    `<rect width="${WIDTH}" height="${y}" fill="white"/>\n${parts.join('\n')}\n</svg>\n`
  );
}

function colour({ name }: Result): string {
  if (name === 'bare') return '#9a9a9a';
  return name === 'peerjs' ? '#c9852b' : '#2b6cb0';
}

function text(x: number, y: number, content: string, attributes: string): string {
  const safe = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#222" ${attributes}>${safe}</text>`;
}
