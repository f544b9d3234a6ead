// Builds dist/libcapture_encoder.so (CMake + Ninja, RelWithDebInfo). Incremental: build/ keeps the objects.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: here, stdio: 'inherit' });
  if (error) {
    console.error(
      `capture-encoder: cannot run ${command} (${error.code}); install it and try again`,
    );
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
}

// CMake refuses the cache of a folder that was moved or copied: begin anew there.
const cache = join(here, 'build/release/CMakeCache.txt');
if (
  existsSync(cache) &&
  !readFileSync(cache, 'utf8').includes(`HOME_DIRECTORY:INTERNAL=${here}\n`)
) {
  rmSync(dirname(cache), { recursive: true });
}
run('cmake', [
  '-S',
  '.',
  '-B',
  'build/release',
  '-G',
  'Ninja',
  '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
]);
run('cmake', ['--build', 'build/release', '--target', 'capture_encoder']);
mkdirSync(join(here, 'dist'), { recursive: true });
// By way of a rename: a process that has the old file loaded keeps it whole.
copyFileSync(
  join(here, 'build/release/libcapture_encoder.so'),
  join(here, 'dist/libcapture_encoder.so.new'),
);
renameSync(join(here, 'dist/libcapture_encoder.so.new'), join(here, 'dist/libcapture_encoder.so'));
