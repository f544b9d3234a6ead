import type { WindowInfo } from '@peerdeck/native-capture';
import { FakeMediaHost } from '@peerdeck/native-capture/testing';
import { loadConfig } from './config.ts';
import { chooseSource, displayOf, SourceNotFoundError } from './source-choice.ts';

const windowOf = (process: string, id: string, width: number): WindowInfo => ({
  id,
  title: `${process} window`,
  pid: 1,
  process,
  x: 0,
  y: 0,
  width,
  height: 100,
});

function config(flags: Record<string, string>) {
  return loadConfig({ env: {}, flags }).config;
}

const host = new FakeMediaHost();
host.windows = [
  windowOf('xterm', '0x1', 300),
  windowOf('Xterm', '0x2', 800),
  windowOf('gimp', '0x3', 9),
];

describe('chooseSource', () => {
  it('takes the whole desktop by default', async () => {
    expect(await chooseSource(host, config({}), ':5')).toEqual({
      options: { kind: 'auto', display: ':5' },
      kind: 'desktop',
      title: ':5',
    });
  });

  it('takes the largest window of the process, whatever the case and .exe', async () => {
    const chosen = await chooseSource(
      host,
      config({ 'host.targetProcessName': 'XTERM.exe', 'host.window.resizeClientArea': 'true' }),
      ':5',
    );
    expect(chosen).toMatchObject({
      kind: 'window',
      title: 'Xterm window',
      options: { window: '0x2', resize: true, width: 1920, height: 1080, display: ':5' },
    });
  });

  it('names the candidates when there is none, and shares the desktop only if allowed', async () => {
    const flags = { 'host.targetProcessName': 'chrome.exe' };
    await expect(chooseSource(host, config(flags), ':5')).rejects.toThrow(
      /"chrome\.exe".*Processes with a window now: Xterm, gimp, xterm\..*allowDesktopFallback/,
    );
    await expect(chooseSource(host, config(flags), ':5')).rejects.toThrow(SourceNotFoundError);
    const allowed = config({ ...flags, 'host.allowDesktopFallback': 'true' });
    const chosen = await chooseSource(host, allowed, ':5');
    expect(chosen.kind).toBe('desktop');
    expect(chosen.note).toContain('Sharing the whole desktop');
  });
});

describe('displayOf', () => {
  it('prefers the configuration', () => {
    expect(displayOf(config({ 'host.display': ':3' }), { DISPLAY: ':1' })).toBe(':3');
    expect(displayOf(config({}), { DISPLAY: ':1' })).toBe(':1');
    expect(displayOf(config({}), {})).toBeUndefined();
  });
});
