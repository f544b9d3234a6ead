import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VARIABLES, describeVariable } from '../config/config.ts';

/*
 * The documentation of the environment, made from the schema. `nx run signaling:docs` writes it;
 * a test fails when the files in the repository disagree.
 */

export const ENV_EXAMPLE = fileURLToPath(new URL('../../.env.example', import.meta.url));
export const MANUAL = fileURLToPath(new URL('../../../../docs/signaling.md', import.meta.url));

const BEGIN = '<!-- env: made by `nx run signaling:docs` -->';
const END = '<!-- env: end -->';

/** One row per variable. */
export function envTable(): string {
  const rows = VARIABLES.map((name) => {
    const { fallback, allowed, about } = describeVariable(name);
    const value = fallback === '' ? '' : `\`${fallback}\``;
    return `| \`${name}\` | ${value} | ${allowed} | ${about} |`;
  });
  return ['| variable | default | allowed | meaning |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

/** A .env file with every default. */
export function envExample(): string {
  const blocks = VARIABLES.map((name) => {
    const { fallback, allowed, about } = describeVariable(name);
    return `# ${about}\n# Allowed: ${allowed}.\n${name}=${fallback}\n`;
  });
  return ['# Copy to .env beside where the service is started.\n', ...blocks].join('\n');
}

/** `manual` with the table of now. Throws if it has no place for one. */
export function withEnvTable(manual: string): string {
  const begin = manual.indexOf(BEGIN);
  const end = manual.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${MANUAL} lacks ${BEGIN} … ${END}`);
  return `${manual.slice(0, begin)}${BEGIN}\n\n${envTable()}\n\n${manual.slice(end)}`;
}

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) {
  writeFileSync(ENV_EXAMPLE, envExample());
  writeFileSync(MANUAL, withEnvTable(readFileSync(MANUAL, 'utf8')));
}
