// Finds Go and runs it, for the scripts beside this one. No dependency.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Runs a program, its output passed through; returns its exit code. */
export function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) {
    console.error(`${program} could not be run: ${error.message}`);
    return 1;
  }
  return status ?? 1;
}

/** The path of a Go that is new enough for go.mod; ends the process with a remedy when there is none. */
export function findGo() {
  const candidates = process.env.PEERDECK_GO
    ? [process.env.PEERDECK_GO]
    : ['go', '/usr/local/go/bin/go', join(homedir(), 'go/bin/go')];
  const seen = [];
  for (const candidate of candidates) {
    const { stdout, status } = spawnSync(candidate, ['env', 'GOVERSION'], { encoding: 'utf8' });
    if (status !== 0) continue;
    const version = /go(\d+)\.(\d+)/.exec(stdout);
    if (version && (Number(version[1]) > 1 || Number(version[2]) >= 26)) return candidate;
    seen.push(`${candidate} is ${stdout.trim()}`);
  }
  console.error(
    `Go 1.26 or newer was not found${seen.length > 0 ? ` (${seen.join(', ')})` : ''}: put it on PATH, or its path in PEERDECK_GO.`,
  );
  process.exit(1);
}

/** Environment for every Go call: version control is not asked, so that builds are the same everywhere. */
export function goEnv() {
  const flags = [process.env.GOFLAGS, '-buildvcs=false'].filter(Boolean).join(' ');
  return { GOFLAGS: flags };
}

export function onPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((directory) => directory !== '' && existsSync(join(directory, program)));
}

export function makeDirectory(path) {
  mkdirSync(path, { recursive: true });
}
