import { readFileSync } from 'node:fs';
import {
  ABI_VERSION,
  EVENT_HEADER,
  INPUT_EVENT,
  PD_CHANNELS,
  PD_ERRORS,
  PD_EVENTS,
  PD_INPUTS,
} from './abi.ts';
import {
  captureCallbacks,
  captureFunctions,
  pionCallbacks,
  pionFunctions,
  type NativeFunction,
} from './declarations.ts';

const include = new URL('../../../native/include/', import.meta.url);
const read = (name: string): string =>
  readFileSync(new URL(name, include), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');

const abi = read('peerdeck_abi.h');
const capture = read('capture_encoder.h');
const pion = read('pion_webrtc.h');

/** C parameter → the word declarations.ts uses for it. */
function wordFor(parameter: string): string {
  const text = parameter.trim().replace(/\s+/g, ' ');
  if (text.includes('*')) return text.startsWith('const ') ? 'in' : 'out';
  const type = text.split(' ')[0] ?? '';
  return type.replace(/_t$/, '');
}

function prototypes(header: string): Map<string, NativeFunction> {
  const found = new Map<string, NativeFunction>();
  const pattern = /(int32_t|int64_t)\s+(pd[cw]_\w+)\(([^)]*)\)\s*;/g;
  for (const [, result = '', name = '', parameters = ''] of header.matchAll(pattern)) {
    const args = parameters.trim() === 'void' ? [] : parameters.split(',').map(wordFor);
    found.set(name, { result: result.replace(/_t$/, ''), args } as NativeFunction);
  }
  return found;
}

/** `enum pd_x { … }` → name → value, for plain and `1u << n` initialisers. */
function enumeration(header: string, name: string): Record<string, number> {
  const body = new RegExp(`enum ${name}\\s*{([^}]*)}`).exec(header)?.[1];
  if (body === undefined) throw new Error(`no enum ${name} in the headers`);
  const entries = body
    .split(',')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split('=').map((part) => part.trim()));
  return Object.fromEntries(entries.map(([key = '', value = '']) => [key, Number(value)]));
}

/** Natural C layout of a struct of fixed-width integers. */
function layout(header: string, name: string): { size: number; offsets: Record<string, number> } {
  const body = new RegExp(`struct ${name}\\s*{([^}]*)}`).exec(header)?.[1];
  if (body === undefined) throw new Error(`no struct ${name} in the headers`);
  const offsets: Record<string, number> = {};
  let at = 0;
  let widest = 1;
  for (const [, bits = '', field = ''] of body.matchAll(/u?int(8|16|32|64)_t\s+(\w+);/g)) {
    const width = Number(bits) / 8;
    at = Math.ceil(at / width) * width;
    offsets[field] = at;
    at += width;
    widest = Math.max(widest, width);
  }
  return { size: Math.ceil(at / widest) * widest, offsets };
}

describe.each([
  ['pion_webrtc.h', pion, pionFunctions as Record<string, NativeFunction>, pionCallbacks],
  [
    'capture_encoder.h',
    capture,
    captureFunctions as Record<string, NativeFunction>,
    captureCallbacks,
  ],
])('%s', (_name, header, declared, callbacks) => {
  const actual = prototypes(header);

  it('declares exactly the functions of the header', () => {
    expect(actual.size).toBeGreaterThan(10);
    expect([...Object.keys(declared), ...callbacks].sort()).toEqual([...actual.keys()].sort());
  });

  it.each(Object.keys(declared))('%s has the arity and types of the header', (name) => {
    expect(declared[name]).toEqual(actual.get(name));
  });
});

describe('peerdeck_abi.h', () => {
  it('has the version this package checks for', () => {
    expect(/#define PD_ABI_VERSION (\d+)/.exec(abi)?.[1]).toBe(String(ABI_VERSION));
  });

  it('agrees on errors, events, channels and input kinds', () => {
    expect({ PD_OK: 0, ...PD_ERRORS }).toEqual(enumeration(abi, 'pd_error'));
    expect(PD_EVENTS).toEqual(enumeration(abi, 'pd_event_type'));
    expect(PD_CHANNELS).toEqual(enumeration(abi, 'pd_channel'));
    expect(PD_INPUTS).toEqual(enumeration(capture, 'pd_input_kind'));
  });

  it('agrees on the layout of the structs that JavaScript reads and writes', () => {
    expect(EVENT_HEADER).toEqual(layout(abi, 'pd_event_header'));
    expect(INPUT_EVENT).toEqual(layout(capture, 'pd_input_event'));
  });
});
