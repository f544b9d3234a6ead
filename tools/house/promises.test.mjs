import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesOf, read } from './files.mjs';
import { MARK, PROMISES, TEXTS } from './promises.mjs';

const texts = filesOf(TEXTS);
const sources = filesOf(/^(?:apps|libs|native)\/.*\.(?:ts|cpp|h|go)$/);

const isThere = ({ files, shows }) =>
  sources.filter((name) => files.test(name)).some((name) => shows.test(read(name)));

/** What speaks of it: a sentence of prose, a row of a table, some lines of a source. */
function* statementsOf({ words, notMeant }) {
  for (const name of texts) {
    const lines = read(name).split('\n');
    for (const [i, line] of lines.entries()) {
      const isProse = name.endsWith('.md') && !line.startsWith('|');
      for (const part of isProse ? line.split(/(?<=\.)\s+/) : [line]) {
        if (!words.test(part) || notMeant?.test(part)) continue;
        const whole = name.endsWith('.md') ? part : lines.slice(i, i + 4).join('\n');
        yield { where: `${name}:${i + 1}`, isMarked: MARK.test(whole) };
      }
    }
  }
}

test('the texts are found', () => {
  for (const name of ['README.md', 'docs/protocol.md', 'apps/host-agent/src/config-schema.ts']) {
    assert.ok(texts.includes(name), name);
  }
});

for (const { feature, evidence, ...text } of PROMISES) {
  test(`no text promises what is not there: ${feature}`, () => {
    const there = isThere(evidence);
    const wrong = [...statementsOf(text)]
      .filter(({ isMarked }) => isMarked === there)
      .map(({ where }) =>
        there
          ? `${where}: it is there now; take the mark away`
          : `${where}: say 'not there yet', or take it out`,
      );
    assert.deepEqual(wrong, []);
  });
}
