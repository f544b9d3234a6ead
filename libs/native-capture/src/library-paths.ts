import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeLibraryError } from './errors.ts';

export interface LibraryPaths {
  /** pion_webrtc */
  readonly pion: string;
  /** capture-encoder */
  readonly capture: string;
}

export interface FindLibrariesOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly platform?: NodeJS.Platform;
  readonly arch?: string;
  /** Path of the running executable. */
  readonly execPath?: string;
  /** Directory of this module. */
  readonly moduleDir?: string;
  readonly exists?: (path: string) => boolean;
  /** Directory of an installed npm package, or undefined. */
  readonly packageDir?: (name: string) => string | undefined;
}

/**
 * Where both native libraries are. Tried in order: PEERDECK_NATIVE_DIR, the monorepo's native
 * projects, beside the executable (a single-file build), the npm package of this platform.
 * PEERDECK_NATIVE_DIR is a demand, not a hint: when it is set, nothing else is tried.
 */
export function findLibraries(options: FindLibrariesOptions = {}): LibraryPaths {
  const platform = options.platform ?? process.platform;
  const exists = options.exists ?? existsSync;
  const tried: string[] = [];
  const find = (project: string, base: string): string | undefined => {
    const file = fileName(base, platform);
    const candidates = directories(options, platform, project).map((dir) => join(dir, file));
    tried.push(...candidates);
    return candidates.find(exists);
  };
  const pion = find('pion_webrtc', 'pion_webrtc');
  const capture = find('capture-encoder', 'capture_encoder');
  if (pion !== undefined && capture !== undefined) return { pion, capture };
  const missing = [
    pion === undefined ? 'pion_webrtc' : '',
    capture === undefined ? 'capture_encoder' : '',
  ].filter((name) => name !== '');
  throw new NativeLibraryError(
    `native library not found: ${missing.join(', ')}. Tried:\n` +
      tried.map((path) => `  ${path}${exists(path) ? '' : ' (absent)'}`).join('\n') +
      '\nBuild both with `npx nx run-many -t build -p pion_webrtc capture-encoder`, ' +
      'or set PEERDECK_NATIVE_DIR to the folder that holds them.',
  );
}

function fileName(base: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return `${base}.dll`;
  return platform === 'darwin' ? `lib${base}.dylib` : `lib${base}.so`;
}

function directories(
  options: FindLibrariesOptions,
  platform: NodeJS.Platform,
  project: string,
): string[] {
  const demanded = (options.env ?? process.env)['PEERDECK_NATIVE_DIR'];
  if (demanded !== undefined && demanded !== '') return [demanded];
  const moduleDir = options.moduleDir ?? dirname(fileURLToPath(import.meta.url));
  const platformPackage = `@peerdeck/native-${platform}-${options.arch ?? process.arch}`;
  const packaged = (options.packageDir ?? installedPackage)(platformPackage);
  return [
    join(moduleDir, '..', '..', '..', 'native', project, 'dist'),
    dirname(options.execPath ?? process.execPath),
    ...(packaged === undefined ? [] : [packaged]),
  ];
}

function installedPackage(name: string): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined; // not installed: the caller's message lists the other places
  }
}
