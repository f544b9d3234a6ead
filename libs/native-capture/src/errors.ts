import { PD_ERRORS, type NativeErrorCode } from './abi.ts';

const names = new Map<number, NativeErrorCode>(
  Object.entries(PD_ERRORS).map(([name, value]) => [value, name as NativeErrorCode]),
);

/** A native call that failed: which call, which code of peerdeck_abi.h, and the library's own text. */
export class NativeError extends Error {
  readonly code: NativeErrorCode;
  readonly call: string;

  constructor(call: string, result: number, text: string) {
    const code = names.get(result) ?? 'PD_ERR_INTERNAL';
    super(`${call}: ${text === '' ? code : `${text} (${code})`}`);
    this.name = 'NativeError';
    this.code = code;
    this.call = call;
  }
}

/** A native library that is missing, unloadable or of another ABI. The message names the remedy. */
export class NativeLibraryError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NativeLibraryError';
  }
}

export function isNativeError(error: unknown, code?: NativeErrorCode): error is NativeError {
  return error instanceof NativeError && (code === undefined || error.code === code);
}
