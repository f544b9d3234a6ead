import { parseArgs } from 'node:util';
import { UsageError } from './errors.mjs';
import { nearest } from './nearest.mjs';

/**
 * Command lines of both commands. An option is `{ name, value?, about, parse?, off? }`: with
 * `value` (its name in the help) it takes one, else it is a switch; `off` makes `--no-name` its
 * only form. `parse(text)` throws a text that says what is allowed.
 *
 * @returns {{ values: Record<string, unknown>, rest: string[] }} `rest` is what stood after `--`.
 */
export function parseOptions(options, argv) {
  const flags = new Map(options.map((option) => [flagOf(option), option]));
  const values = {};
  for (const { kind, index, rawName, value, inlineValue } of tokensOf(options, argv)) {
    if (kind === 'option-terminator') return { values, rest: argv.slice(index + 1) };
    const given = kind === 'positional' ? value : rawName === '-h' ? '--help' : rawName;
    const option = flags.get(given);
    if (option === undefined) throw unknown(given, [...flags.keys()]);
    if (option.value === undefined) {
      if (inlineValue) throw new UsageError(`${given} takes no value.`, `Write ${given}.`);
      values[option.name] = option.off !== true;
      continue;
    }
    if (value === undefined || (!inlineValue && value.startsWith('--'))) {
      throw new UsageError(`${given} needs a value.`, `Write ${given} ${option.value}.`);
    }
    values[option.name] = read(option, given, value);
  }
  return { values, rest: [] };
}

/** Not strict, since its own errors know no remedy. */
function tokensOf(options, args) {
  const known = options.map((option) => {
    const type = option.value === undefined ? 'boolean' : 'string';
    return [flagOf(option).slice(2), { type }];
  });
  const how = { strict: false, allowPositionals: true, tokens: true };
  return parseArgs({ args, options: Object.fromEntries(known), ...how }).tokens;
}

function flagOf(option) {
  return option.off === true ? `--no-${option.name}` : `--${option.name}`;
}

function unknown(given, known) {
  const close = nearest(given, known);
  const remedy = close === undefined ? 'See --help for the options.' : `Did you mean ${close}?`;
  return new UsageError(`Unknown option ${given}.`, remedy);
}

function read(option, flag, text) {
  if (option.parse === undefined) return text;
  try {
    return option.parse(text);
  } catch (error) {
    throw new UsageError(`${flag} ${text} is not allowed.`, `Allowed: ${error.message}.`);
  }
}

export function portNumber(text) {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= 65_535)) throw new Error('a whole number from 1 to 65535');
  return value;
}

export function displayName(text) {
  if (!/^[A-Za-z0-9.-]*:\d+(\.\d+)?$/.test(text)) throw new Error('a display such as :0 or :1.0');
  return text;
}

/** The table of options as `--help` shows it. */
export function describeOptions(options) {
  const rows = options.map((option) => [
    `  ${flagOf(option)}${option.value === undefined ? '' : ` ${option.value}`}`,
    option.about,
  ]);
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2;
  return rows
    .map(([flag, about]) => flag.padEnd(width) + wrap(about, 100 - width, width))
    .join('\n');
}

function wrap(text, width, indent) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1];
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
