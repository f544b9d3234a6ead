// Format of all C and C++ files, by clang-format where it is installed. Warnings are errors in every build.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const files = ['src', 'tests']
  .flatMap((folder) =>
    readdirSync(join(here, folder), { recursive: true }).map((name) => join(folder, name)),
  )
  .filter((name) => /\.(h|cpp)$/.test(name));

const tool = ['clang-format-14', 'clang-format'].find(
  // Another version formats differently.
  (name) => /version 14\./.test(spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout ?? ''),
);
if (!tool) {
  console.log('clang-format 14 is not installed (Debian: clang-format-14): format not checked');
  process.exit(0);
}
const { status } = spawnSync(tool, ['--dry-run', '-Werror', ...files], {
  cwd: here,
  stdio: 'inherit',
});
process.exit(status ?? 1);
