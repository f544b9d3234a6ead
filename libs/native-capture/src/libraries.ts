import koffi, { type LibraryHandle } from 'koffi';
import { ABI_VERSION } from './abi.ts';
import {
  captureFunctions,
  pionFunctions,
  type NativeFunction,
  type NativeType,
} from './declarations.ts';
import { NativeError, NativeLibraryError } from './errors.ts';
import type { LibraryPaths } from './library-paths.ts';

type Argument = number | bigint | Buffer;
type RawFunction = {
  (...args: Argument[]): number;
  async: (...args: [...Argument[], (error: Error | null, result: number) => void]) => void;
};

const koffiTypes: Record<NativeType, string> = {
  int32: 'int32',
  int64: 'int64',
  uint32: 'uint32',
  uint64: 'uint64',
  double: 'double',
  in: 'void *',
  out: 'void *',
};

/** JSON results: answers, probes and window lists fit; the library says PD_ERR_TOO_LARGE if not. */
const OUT_BYTES = 64 * 1024;

/** One loaded library. It is never unloaded: Go cannot be, and both are marked NODELETE. */
export class Library<Name extends string> {
  readonly path: string;
  readonly #library: LibraryHandle;
  readonly #functions = new Map<string, RawFunction>();
  /** Buffers for results, used again: a new one for each call is garbage that pulls memory apart. */
  readonly #spare: Buffer[] = [];

  constructor(path: string, table: Record<Name, NativeFunction>) {
    this.path = path;
    try {
      this.#library = koffi.load(path);
      for (const name of Object.keys(table) as Name[]) {
        const { result, args } = table[name];
        const types = args.map((type) => koffiTypes[type]);
        this.#functions.set(name, this.#library.func(name, result, types) as RawFunction);
      }
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new NativeLibraryError(
        `${path} cannot be used: ${text}. Build it again with ` +
          '`npx nx run-many -t build -p pion_webrtc capture-encoder`; if a shared library is ' +
          'missing, `npm start` installs what it needs.',
        { cause },
      );
    }
  }

  /** The address of an exported function, to be handed to the other library. */
  address(symbol: string): bigint {
    return koffi.address(this.#library.symbol(symbol));
  }

  /** Calls on this thread. Only for C++ functions that are short: see docs/architecture.md. */
  callSync(name: Name, ...args: Argument[]): number {
    const result = this.#get(name)(...args);
    if (result < 0) throw new NativeError(name, result, '');
    return result;
  }

  /** As callSync, for a function that ends in (out, capacity); gives its JSON. */
  jsonSync(name: Name, ...args: Argument[]): unknown {
    const out = this.#take();
    try {
      const result = this.#get(name)(...args, out, out.length);
      if (result < 0) throw new NativeError(name, result, text(out));
      return JSON.parse(text(out));
    } finally {
      this.#give(out);
    }
  }

  /** Calls on a pool thread. Buffers are used in place, and kept alive until it returns. */
  async call(name: Name, ...args: Argument[]): Promise<number> {
    const result = await this.#start(name, args);
    if (result < 0) throw new NativeError(name, result, '');
    return result;
  }

  /** As call, for a function that ends in (out, capacity): what it returned and what it wrote. */
  async callOut(name: Name, ...args: Argument[]): Promise<{ result: number; out: string }> {
    const out = this.#take();
    try {
      const result = await this.#start(name, [...args, out, out.length]);
      if (result < 0) throw new NativeError(name, result, text(out));
      return { result, out: text(out) };
    } finally {
      this.#give(out);
    }
  }

  #take(): Buffer {
    const out = this.#spare.pop() ?? Buffer.alloc(OUT_BYTES);
    out[0] = 0; // not every failure leaves a text
    return out;
  }

  /** Bound: as many as there are pool threads by default; a burst's others are let go. */
  #give(out: Buffer): void {
    if (this.#spare.length < 4) this.#spare.push(out);
  }

  #start(name: Name, args: Argument[]): Promise<number> {
    const call = this.#get(name).async;
    return new Promise((resolve, reject) => {
      call(...args, (error, result) => {
        void args; // the buffers among them live until here
        if (error === null || error === undefined) resolve(result);
        else reject(error);
      });
    });
  }

  #get(name: Name): RawFunction {
    const found = this.#functions.get(name);
    if (found === undefined) throw new TypeError(`${name} is not declared`);
    return found;
  }
}

export type PionLibrary = Library<keyof typeof pionFunctions>;
export type CaptureLibrary = Library<keyof typeof captureFunctions>;

export interface Libraries {
  readonly pion: PionLibrary;
  readonly capture: CaptureLibrary;
}

/** Loads both libraries and checks their ABI. */
export async function loadLibraries(paths: LibraryPaths): Promise<Libraries> {
  configureKoffi();
  const libraries = {
    pion: new Library(paths.pion, pionFunctions),
    capture: new Library(paths.capture, captureFunctions),
  };
  const [pion, capture] = await Promise.all([
    libraries.pion.call('pdw_abi_version'),
    libraries.capture.call('pdc_abi_version'),
  ]);
  checkAbi(paths.pion, pion);
  checkAbi(paths.capture, capture);
  return libraries;
}

export function checkAbi(path: string, found: number): void {
  if (found === ABI_VERSION) return;
  throw new NativeLibraryError(
    `${path} has ABI version ${found}, this program needs ${ABI_VERSION}. ` +
      'It is from another release: build it again with ' +
      '`npx nx run-many -t build -p pion_webrtc capture-encoder`, or install matching packages.',
  );
}

/** UTF-8 JSON options as (pointer, size). */
export function options(value: unknown): [Buffer, number] {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  return [bytes, bytes.length];
}

function text(out: Buffer): string {
  const end = out.indexOf(0);
  return out.toString('utf8', 0, end < 0 ? out.length : end);
}

function configureKoffi(): void {
  try {
    // Opening an encoder on koffi's default 128 KiB of stack for asynchronous calls is too close.
    koffi.config({ async_stack_size: 1 << 20 });
  } catch {
    // A library is loaded already, so it has been set before.
  }
}
