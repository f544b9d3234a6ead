// Cross-compiles dist/windows/capture-encoder.dll. Without FFmpeg for Windows it has no encoder, and says so.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const COMPILER = 'x86_64-w64-mingw32-g++-posix';

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: here, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

if (spawnSync(COMPILER, ['--version']).error) {
  console.error(
    `capture-encoder: ${COMPILER} is missing; install it (Debian: g++-mingw-w64-x86-64-posix)`,
  );
  process.exit(1);
}
if (!existsSync('/usr/x86_64-w64-mingw32/include/zlib.h')) {
  console.error(
    'capture-encoder: zlib for Windows is missing; install it (Debian: libz-mingw-w64-dev)',
  );
  process.exit(1);
}
run('cmake', [
  ...['-S', '.', '-B', 'build/windows', '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
  '-DCMAKE_TOOLCHAIN_FILE=cmake/mingw-w64.cmake',
]);
run('cmake', ['--build', 'build/windows', '--target', 'capture_encoder']);
mkdirSync(join(here, 'dist/windows'), { recursive: true });
copyFileSync(
  join(here, 'build/windows/capture-encoder.dll'),
  join(here, 'dist/windows/capture-encoder.dll'),
);
