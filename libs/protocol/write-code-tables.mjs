/** Writes the tables of codes into docs/protocol.md: `nx run protocol:docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { codeTablesMarkdown } from './src/error-codes.ts';

const page = new URL('../../docs/protocol.md', import.meta.url);
const { errors, closes } = codeTablesMarkdown();
let text = readFileSync(page, 'utf8');
for (const [heading, table] of [
  ['Error codes', errors],
  ['Close codes', closes],
]) {
  const place = new RegExp(`(\n## ${heading}\n(?:(?!\n## )[^])*?\n\n)\\|(?:.*\n\\|)*.*\n`);
  if (!place.test(text)) throw new Error(`docs/protocol.md: no table under "## ${heading}"`);
  text = text.replace(place, (_all, before) => `${before}${table}\n`);
}
writeFileSync(page, text);
