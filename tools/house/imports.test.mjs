import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { filesOf, projectOf, read } from './files.mjs';

/*
 * The lint rule holds what TypeScript imports by a name. These hold the rest: plain modules, and
 * imports whose text is worked out while the program runs.
 */

/** Imports that are worked out, and why no plain one would do. */
const WORKED_OUT = {
  'tools/setup/start-command.mjs': 'a package that is there only once npm has installed it',
};
/** They run before npm has installed a package, so that they can name none. */
const BEFORE_PACKAGES = { importer: /^tools\//, imported: 'tools/setup' };

const sources = filesOf(/^(?:apps|libs|native|tools)\/.*\.(?:ts|mts|mjs|js)$/);
const STATIC =
  /^\s*(?:import|export)\s[^'"`;]*?from\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm;

function* relativeImports() {
  for (const name of sources) {
    for (const [, ...groups] of read(name).matchAll(STATIC)) {
      const specifier = groups.find((group) => group !== undefined);
      if (specifier.startsWith('.')) yield { name, target: join(dirname(name), specifier) };
    }
  }
}

test('no file reaches into another project by a path', () => {
  const found = [];
  for (const { name, target } of relativeImports()) {
    const [from, to] = [projectOf(name), projectOf(target)];
    if (to === undefined || to === from) continue;
    if (BEFORE_PACKAGES.importer.test(name) && to === BEFORE_PACKAGES.imported) continue;
    found.push(`${name} imports ${target}: import the package by its name, or move what both need`);
  }
  assert.deepEqual(found, []);
});

test('every import can be read in the source', () => {
  const found = sources.filter((name) => {
    const code = read(name).replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
    return (
      /\bimport\(\s*(?!'|"|\s*\))/.test(code) ||
      /\bcreateRequire\([^)]*\)(?!\.resolve\()/.test(code)
    );
  });
  const unknown = found.filter((name) => WORKED_OUT[name] === undefined);
  assert.deepEqual(unknown, [], 'an import that is worked out hides from the lint rule');
  assert.deepEqual(Object.keys(WORKED_OUT).sort(), found.sort());
});
