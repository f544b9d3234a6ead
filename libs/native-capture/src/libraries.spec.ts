import { captureFunctions, pionFunctions, type NativeFunction } from './declarations.ts';
import { isNativeError } from './errors.ts';
import { ABI_VERSION } from './abi.ts';
import { checkAbi, Library, loadLibraries } from './libraries.ts';
import { findLibraries, type LibraryPaths } from './library-paths.ts';

function built(): LibraryPaths | undefined {
  try {
    return findLibraries();
  } catch {
    return undefined;
  }
}

const paths = built();
const suite = paths === undefined ? describe.skip : describe;
const reason = paths === undefined ? ' (skipped: libraries not built)' : '';

/** Far from any handle that a library has given out. */
const NO_HANDLE = 0x7fff_ffff_ffff;
const HOSTILE_HANDLES = [NO_HANDLE, 0, -1];

function argumentsFor({ args }: NativeFunction, handle: number): (number | Buffer)[] {
  const bytes = Buffer.from('{}');
  const out = Buffer.alloc(256);
  return args.map((type, at) => {
    if (at === 0) return handle;
    if (type === 'in') return bytes;
    if (type === 'out') return out;
    const before = args[at - 1];
    if (before === 'in') return bytes.length;
    return before === 'out' ? out.length : 0;
  });
}

describe('checkAbi', () => {
  it('names the file, both versions and the remedy', () => {
    expect(() => checkAbi('/x/lib.so', 7)).toThrow(
      new RegExp(`/x/lib\\.so has ABI version 7.*needs ${ABI_VERSION}.*build`),
    );
  });
});

describe('Library', () => {
  it('says which file cannot be used, and the remedy', () => {
    expect(() => new Library('/nowhere/libx.so', {})).toThrow(/\/nowhere\/libx\.so cannot be used/);
    expect(() => new Library('/nowhere/libx.so', {})).toThrow(/nx run-many -t build/);
  });
});

suite(`both libraries${reason}`, () => {
  const handled = (table: Record<string, NativeFunction>) =>
    Object.entries(table).filter(([, { args }]) => args[0] === 'int64');
  const all = [...handled(pionFunctions), ...handled(captureFunctions)];

  it.each(all)('%s refuses handles that do not exist', async (name, declared) => {
    const { pion, capture } = await loadLibraries(paths ?? { pion: '', capture: '' });
    const library = (name in pionFunctions ? pion : capture) as Library<string>;
    for (const handle of HOSTILE_HANDLES) {
      const error: unknown = await library
        .call(name, ...argumentsFor(declared, handle))
        .catch((caught: unknown) => caught);
      // What never was may count as closed already.
      const closed = name.endsWith('_close') && error === 0;
      expect(closed || isNativeError(error, 'PD_ERR_BAD_HANDLE')).toBe(true);
    }
  });
});
