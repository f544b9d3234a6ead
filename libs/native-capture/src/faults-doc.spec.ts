import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function texts(folder: string, name: RegExp): string {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file) && !/node_modules|build\//.test(file))
    .map((file) => readFileSync(`${root}${folder}/${file}`, 'utf8'))
    .join('\n');
}

describe('docs/faults.md', () => {
  const rows = readFileSync(`${root}docs/faults.md`, 'utf8')
    .split('\n')
    .filter((line) => /^\| [a-zA-Z]/.test(line) && !line.startsWith('| part '))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const tests =
    texts('native/capture-encoder/tests', /\.cpp$/) +
    texts('native/pion_webrtc/internal', /_test\.go$/) +
    texts('libs/native-capture/src', /event-pump\.spec\.ts$/);

  it('has a row for each edge', () => {
    const parts = new Set(rows.map(([, part]) => part));
    const edges = ['source', 'converter', 'encoder', 'sink', 'packetiser', 'pacer', 'socket'];
    const back = ['RTCP reader', 'data channel', 'event pump', 'injector'];
    expect([...parts]).toEqual(expect.arrayContaining([...edges, ...back]));
  });

  it.each(rows.map((row) => row.at(-2) ?? ''))('names a test that there is: %s', (cell) => {
    const name = /^`(.+)`$/.exec(cell)?.[1] ?? cell;
    expect(tests).toMatch(new RegExp(`(\\b${name}\\b|'${name}')`));
  });
});
