// Builds dist/libpion_webrtc.so with its generated header; with --windows dist/windows/pion_webrtc.dll.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGo, goEnv, makeDirectory, onPath, run } from './go-tool.mjs';

const here = dirname(fileURLToPath(import.meta.url));
process.chdir(here);

const windowsCompiler = 'x86_64-w64-mingw32-gcc-posix';
const forWindows = process.argv.includes('--windows');
if (forWindows && !onPath(windowsCompiler)) {
  console.log(`skipped: ${windowsCompiler} is not on PATH (Debian: gcc-mingw-w64-x86-64-posix)`);
  process.exit(0);
}

const nameHere = {
  linux: 'libpion_webrtc.so',
  darwin: 'libpion_webrtc.dylib',
  win32: 'pion_webrtc.dll',
}[process.platform];
const output = forWindows
  ? join('dist', 'windows', 'pion_webrtc.dll')
  : join('dist', nameHere ?? 'libpion_webrtc.so');
makeDirectory(dirname(output));
// Nothing but the functions of the header is visible. (Windows: a DLL exports what is marked so.)
const hide =
  process.platform === 'linux' && !forWindows
    ? ` -extldflags "-Wl,--version-script=${join(here, 'exports.map')}"`
    : '';
const env = { ...goEnv(), CGO_ENABLED: '1' };
if (forWindows) Object.assign(env, { GOOS: 'windows', GOARCH: 'amd64', CC: windowsCompiler });
process.exit(
  run(
    findGo(),
    ['build', '-trimpath', '-buildmode=c-shared', `-ldflags=-s -w${hide}`, '-o', output, '.'],
    env,
  ),
);
