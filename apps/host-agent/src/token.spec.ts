import { pino } from 'pino';
import { ConfigError } from './config.ts';
import { tokenOf } from './token.ts';

function setUp(tokenFile: string, token = '') {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const file = { text: 'aa.bb.cc\n' as string | undefined };
  const readFile = (path: string) => {
    if (file.text === undefined || path !== '/run/token') throw new Error('not there');
    return file.text;
  };
  return { lines, file, source: () => tokenOf({ client: { token, tokenFile }, log, readFile }) };
}

describe('tokenOf', () => {
  it('is nothing, or the token of the configuration', () => {
    expect(setUp('').source()).toBeUndefined();
    expect(setUp('', 'aa.bb.cc').source()).toBe('aa.bb.cc');
  });

  it('reads the file anew each time, and keeps the last token while it cannot', () => {
    const { source, file, lines } = setUp('/run/token');
    const token = source() as () => string;
    expect(token()).toBe('aa.bb.cc');
    file.text = 'dd.ee.ff';
    expect(token()).toBe('dd.ee.ff');
    file.text = undefined;
    expect(token()).toBe('dd.ee.ff');
    file.text = 'half a secret';
    expect(token()).toBe('dd.ee.ff');
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/secret|dd\.ee/);
    file.text = 'gg.hh.ii';
    expect(token()).toBe('gg.hh.ii');
  });

  it.each([
    ['/nowhere', '', 'aa.bb.cc', /\/nowhere cannot be read/],
    ['/run/token', '', 'hush', /holds no token/],
    ['/run/token', 'aa.bb.cc', 'aa.bb.cc', /both set/],
  ])('refuses %s with %j and %j at the start', (tokenFile, token, text, message) => {
    const { source, file } = setUp(tokenFile, token);
    file.text = text;
    expect(source).toThrow(ConfigError);
    expect(source).toThrow(message);
    expect(source).not.toThrow(/hush/);
  });
});
