import { readFileSync } from 'node:fs';
import { SetupError } from './errors.mjs';

/** What this bootstrap itself needs: Debian 12's own nodejs. The product runs on a pinned Node. */
export const OLDEST_NODE = '18.17.0';

/** Numeric comparison of dotted versions: negative, zero or positive. */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => parseInt(part, 10)));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function requireNode(version = process.versions.node) {
  if (compareVersions(version, OLDEST_NODE) >= 0) return;
  throw new SetupError(
    `Node ${version} is too old: Peerdeck's setup needs ${OLDEST_NODE} or newer.`,
    {
      remedy:
        'Install a newer Node (Debian and Ubuntu: apt-get install nodejs npm, or nodejs.org); ' +
        'the version that Peerdeck runs on comes with it by itself.',
    },
  );
}

/** Both commands build from source, which is there for Linux on x64 and arm64. */
export function requireSupported(platform = process.platform, arch = process.arch) {
  if (platform === 'win32') {
    throw new SetupError(
      'On Windows this command is not supported: it installs and builds on Debian and Ubuntu.',
      {
        remedy:
          'View from Windows with any browser on a link of a Linux host. The native libraries cross-compile ' +
          'for Windows from Linux; docs/support-matrix.md says what runs there and what was proven.',
      },
    );
  }
  if (platform === 'darwin') {
    throw new SetupError(
      'On macOS sharing a desktop is not supported: there is no capture backend for it.',
      {
        remedy:
          'View from macOS with a browser on a link of a Linux host (docs/support-matrix.md).',
      },
    );
  }
  if (platform !== 'linux') {
    throw new SetupError(`On ${platform} Peerdeck is not supported.`, {
      remedy: 'Use Debian or Ubuntu (docs/support-matrix.md).',
    });
  }
  if (arch !== 'x64' && arch !== 'arm64') {
    throw new SetupError(`On a ${arch} processor Peerdeck is not supported.`, {
      remedy: 'Use a 64-bit x86 machine (docs/support-matrix.md).',
    });
  }
}

/** Key and value pairs of /etc/os-release; empty where there is none. */
export function osRelease(read = () => readFileSync('/etc/os-release', 'utf8')) {
  let text = '';
  try {
    text = read();
  } catch {
    return {}; // not every Linux has the file; then the distribution is simply not known
  }
  return Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map(([, key, value]) => [key, value]),
  );
}
