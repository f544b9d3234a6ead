// Runs go vet and go test -race, prints what failed and, last, `N passed, N failed, N skipped`.
// A run of no test at all is a failure.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findGo, goEnv, run } from './go-tool.mjs';

process.chdir(dirname(fileURLToPath(import.meta.url)));
const go = findGo();
const vet = run(go, ['vet', './...'], goEnv());
if (vet !== 0) process.exit(vet);

const args = ['test', '-race', '-json', '-timeout=8m', ...process.argv.slice(2), './...'];
const child = spawn(go, args, {
  env: { ...process.env, ...goEnv() },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const exited = new Promise((resolve) => child.on('close', resolve));
const counts = { pass: 0, fail: 0, skip: 0 };
const outputs = new Map();

for await (const line of createInterface({ input: child.stdout })) {
  let event;
  try {
    event = JSON.parse(line);
  } catch {
    console.log(line);
    continue;
  }
  const { Action, Package: name, ImportPath, Test, Output, Elapsed } = event;
  if (Action === 'build-output') console.log(`${ImportPath}: ${Output.trimEnd()}`);
  const key = `${name} ${Test ?? ''}`;
  if (Action === 'output') outputs.set(key, (outputs.get(key) ?? '') + Output);
  if (!['pass', 'fail', 'skip'].includes(Action)) continue;
  if (Test !== undefined) {
    counts[Action] += 1;
    if (Action !== 'pass') console.log(`${Action} ${name} ${Test}\n${outputs.get(key) ?? ''}`);
  } else {
    if (Action === 'fail') console.log(outputs.get(key) ?? '');
    console.log(`${Action.padEnd(4)} ${name} ${Elapsed ?? 0} s`);
  }
  outputs.delete(key);
}
const code = await exited;
const ran = counts.pass + counts.fail;
if (ran === 0) console.error('no test ran');
console.log(`${counts.pass} passed, ${counts.fail} failed, ${counts.skip} skipped`);
process.exit(ran === 0 ? 1 : (code ?? 1));
