import { readFileSync } from 'node:fs';
import {
  CLOSE,
  CLOSE_CODES,
  closeCodeInfo,
  isFinalClose,
  mayRetryAfterClose,
} from './close-codes.ts';
import {
  codeTablesMarkdown,
  ERROR_CODES,
  errorCodeInfo,
  isFinalError,
  type ErrorCodeInfo,
} from './error-codes.ts';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

function tableUnder(heading: string): string {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.replaceAll(/ +/g, ' ').trimEnd())
    .join('\n');
}

describe('docs/protocol.md', () => {
  it('holds the table of error codes', () => {
    expect(tableUnder('Error codes')).toBe(codeTablesMarkdown().errors.replaceAll(/ +/g, ' '));
  });

  it('holds the table of close codes', () => {
    expect(tableUnder('Close codes')).toBe(codeTablesMarkdown().closes.replaceAll(/ +/g, ' '));
  });
});

describe('the tables', () => {
  it('name every code that CLOSE offers', () => {
    for (const code of Object.values(CLOSE)) expect(CLOSE_CODES).toHaveProperty([String(code)]);
  });

  it('agree on whether to come back', () => {
    for (const [code, info] of Object.entries<ErrorCodeInfo>(ERROR_CODES)) {
      if (info.closeCode === undefined) continue;
      expect([code, mayRetryAfterClose(info.closeCode)]).toEqual([code, info.retryable]);
    }
  });

  it('give every fatal signaling error a close code', () => {
    for (const info of Object.values<ErrorCodeInfo>(ERROR_CODES)) {
      if (info.planes.includes('signaling') && info.fatal) expect(info.closeCode).toBeDefined();
    }
  });

  it('stop where coming back would end the same way', () => {
    const stops = [1000, 1008, 1009, 4001, 4003, 4009, 4010, 4011, 4013];
    expect(stops.filter((code) => mayRetryAfterClose(code))).toEqual([]);
    const comeBack = [1001, 1005, 1006, 1011, 1012, 1013, 4000, 4008, 4012, 4999];
    expect(comeBack.filter((code) => !mayRetryAfterClose(code))).toEqual([]);
  });

  it('end a host only for its own configuration or token, for nothing that a stranger does', () => {
    const codes = Object.keys(CLOSE_CODES).map(Number);
    const final = codes.filter((code) => isFinalClose(code, 'host'));
    expect(final).toEqual([CLOSE.policy, CLOSE.unauthorized, CLOSE.forbidden, CLOSE.replaced]);
    const errors = Object.entries<ErrorCodeInfo>(ERROR_CODES).filter(
      ([code, { planes, fatal }]) =>
        planes.includes('signaling') && fatal && isFinalError(code, 'host'),
    );
    expect(errors.map(([code]) => code)).toEqual(['unauthorized', 'forbidden', 'replaced']);
  });

  it('do not mistake an inherited property for a code', () => {
    expect(errorCodeInfo('constructor')).toBeUndefined();
    expect(closeCodeInfo(Number.NaN)).toBeUndefined();
    expect(errorCodeInfo('room-full')?.closeCode).toBe(4009);
  });
});
