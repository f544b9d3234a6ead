import { NativeLibraryError } from './errors.ts';
import { findLibraries } from './library-paths.ts';

const base = {
  env: {},
  platform: 'linux' as const,
  arch: 'x64',
  execPath: '/opt/peerdeck/peerdeck',
  moduleDir: '/repo/libs/native-capture/src',
  packageDir: () => undefined,
};

describe('findLibraries', () => {
  it('finds the monorepo builds', () => {
    expect(findLibraries({ ...base, exists: (path) => path.startsWith('/repo/native') })).toEqual({
      pion: '/repo/native/pion_webrtc/dist/libpion_webrtc.so',
      capture: '/repo/native/capture-encoder/dist/libcapture_encoder.so',
    });
  });

  it('finds them beside the executable and in the platform package, in that order', () => {
    const options = { ...base, packageDir: (name: string) => `/modules/${name}` };
    const exists = (path: string): boolean => !path.startsWith('/repo');
    expect(findLibraries({ ...options, exists }).pion).toBe('/opt/peerdeck/libpion_webrtc.so');
    const onlyPackage = (path: string): boolean => path.startsWith('/modules');
    expect(findLibraries({ ...options, exists: onlyPackage }).capture).toBe(
      '/modules/@peerdeck/native-linux-x64/libcapture_encoder.so',
    );
  });

  it('takes PEERDECK_NATIVE_DIR as a demand', () => {
    const env = { PEERDECK_NATIVE_DIR: '/mine' };
    const found = findLibraries({ ...base, platform: 'win32', env, exists: () => true });
    expect(found).toEqual({
      pion: '/mine/pion_webrtc.dll',
      capture: '/mine/capture_encoder.dll',
    });
    const elsewhere = (path: string): boolean => !path.startsWith('/mine');
    expect(() => findLibraries({ ...base, env, exists: elsewhere })).toThrow(NativeLibraryError);
  });

  it('names the missing library, every path tried and the remedy', () => {
    const exists = (path: string): boolean => path.includes('libpion_webrtc');
    expect(() => findLibraries({ ...base, exists })).toThrow(
      /not found: capture_encoder\.[\s\S]*\/repo\/native\/capture-encoder\/dist\/libcapture_encoder\.so \(absent\)[\s\S]*nx run-many -t build[\s\S]*PEERDECK_NATIVE_DIR/,
    );
  });
});
