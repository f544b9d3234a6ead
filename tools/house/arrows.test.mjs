import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, read } from './files.mjs';

/** From bottom to top: what a project may import is of its own kind or stands before it here. */
const FLOORS = ['type:native', 'type:lib', 'type:test', 'type:app', 'type:e2e'];

function graph() {
  const folder = mkdtempSync(join(tmpdir(), 'peerdeck-graph-'));
  const file = join(folder, 'graph.json');
  try {
    const nx = join(ROOT, 'node_modules/.bin/nx');
    const env = { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' };
    execFileSync(process.execPath, [nx, 'graph', `--file=${file}`], {
      ...{ cwd: ROOT, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 },
    });
    return JSON.parse(readFileSync(file, 'utf8')).graph;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the graph has no arrow up, none between apps, and none to a tool but from a tool', () => {
  const { nodes, dependencies } = graph();
  const kind = (name) => nodes[name]?.data.tags?.find((tag) => tag.startsWith('type:'));
  const arrows = Object.values(dependencies).flat();
  assert.ok(arrows.length > 15, `${arrows.length} arrows`);
  for (const name of Object.keys(nodes)) assert.ok(kind(name), `${name} has no type`);
  const wrong = arrows.filter(({ source, target, type }) => {
    const [from, to] = [kind(source), kind(target)];
    if (to === undefined) return false; // a package of npm
    if (from === 'type:tool') {
      // tools start apps: built before, never imported
      return to === 'type:app' ? type !== 'implicit' : to === 'type:e2e';
    }
    if (to === 'type:tool') return true;
    if (from === 'type:app' && to === 'type:app') return true;
    // what tests share comes below apps and above libs, and only tests of an app or a lib use it
    if (to === 'type:test') return type === 'implicit';
    return FLOORS.indexOf(to) > FLOORS.indexOf(from);
  });
  assert.deepEqual(
    wrong.map(({ source, target, type }) => `${source} -> ${target} (${type})`),
    [],
  );
});

test('the product builds without what only its tests need', () => {
  // Nx builds what a project depends on, for its tests' imports too: `npm start` would need their compilers and headers.
  const { nx } = JSON.parse(read('libs/harness/package.json'));
  assert.equal(nx.targets.build, undefined);
});
