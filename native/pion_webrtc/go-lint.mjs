// gofmt must have nothing to say, and go vet neither.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGo, goEnv, run } from './go-tool.mjs';

process.chdir(dirname(fileURLToPath(import.meta.url)));
const go = findGo();
const root = spawnSync(go, ['env', 'GOROOT'], { encoding: 'utf8' }).stdout.trim();
const { stdout, status, error } = spawnSync(`${root}/bin/gofmt`, ['-l', '.'], { encoding: 'utf8' });
if (error ?? status !== 0) {
  console.error(`gofmt failed: ${error?.message ?? `exit code ${status}`}`);
  process.exit(1);
}
if (stdout.trim() !== '') {
  console.error(`not formatted (run gofmt -w):\n${stdout}`);
  process.exit(1);
}
process.exit(run(go, ['vet', './...'], goEnv()));
