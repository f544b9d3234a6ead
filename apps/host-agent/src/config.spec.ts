import { readFileSync } from 'node:fs';
import { configurationMarkdown } from './config-docs.ts';
import { configKeys } from './config-keys.ts';
import { ConfigError, effectiveUpdateInterval, loadConfig } from './config.ts';

const shipped = new URL('../config.json', import.meta.url).pathname;
const load = (
  file: unknown,
  env: Record<string, string> = {},
  flags: Record<string, string> = {},
) => loadConfig({ file: 'config.json', env, flags, readFile: () => JSON.stringify(file) });

/** The example that the product was specified with. */
const original = {
  client: { serverUrlBase: 'ws://localhost:3002' },
  host: {
    targetProcessName: 'chrome.exe',
    window: { resizeClientArea: true, targetWidth: 1920, targetHeight: 1080 },
    video: {
      fps: 120,
      bitrateStart: 20_000_000,
      bitrateMin: 10_000_000,
      bitrateMax: 50_000_000,
      gpuTiming: false,
      deferredContext: false,
      exportMetrics: false,
    },
    capture: {
      maxQueueDepth: 4,
      framePoolBuffers: 6,
      dropWindowMs: 200,
      dropMinEvents: 2,
      minUpdateInterval100ns: 0,
      skipUnchanged: false,
      mmcss: { enable: true, priority: 2 },
    },
  },
};

describe('loadConfig', () => {
  it('takes the token file from a short variable and from a long one', () => {
    const short = load({}, { PEERDECK_TOKEN_FILE: '/run/a' });
    expect(short.config.client.tokenFile).toBe('/run/a');
    const both = { PEERDECK_TOKEN_FILE: '', PEERDECK_CLIENT_TOKEN_FILE: '/run/b' };
    expect(load({}, both).config.client.tokenFile).toBe('/run/b');
  });

  it('takes every key of the original example as it is', () => {
    expect(load(original).config).toMatchObject(original);
  });

  it('has defaults for all, and ships them', () => {
    const defaults = loadConfig({ env: {} }).config;
    expect(defaults.host.video.bitrateMin).toBe(500_000);
    expect(loadConfig({ file: shipped, env: {} }).config).toEqual(defaults);
  });

  it('puts flags over the environment over the file', () => {
    const file = { host: { video: { fps: 30 }, name: 'file' } };
    const env = { PEERDECK_HOST_VIDEO_FPS: '50', PEERDECK_HOST_NAME: '7', OTHER: 'x' };
    expect(load(file).config.host.video.fps).toBe(30);
    expect(load(file, env).config.host).toMatchObject({ name: '7', video: { fps: 50 } });
    expect(load(file, env, { 'host.video.fps': '25' }).config.host.video.fps).toBe(25);
    const ice = '[{"urls":"stun:a:1"}]';
    expect(load(file, { PEERDECK_ICE_SERVERS: ice }).config.iceServers).toEqual([
      { urls: ['stun:a:1'] },
    ]);
  });

  it.each([
    [{ hots: {} }, /config\.json: hots: unknown key\. Did you mean "host"\?/],
    [
      { host: { video: { bitratMin: 1 } } },
      /host\.video\.bitratMin: unknown key\. Did you mean "bitrateMin"\?/,
    ],
    [{ host: { video: { fps: 0 } } }, /config\.json: host\.video\.fps: /],
    [{ host: { video: { fps: '60' } } }, /host\.video\.fps: .*expected number/],
    [
      { host: { video: { bitrateMin: 7_000_000 } } },
      /host\.video\.bitrateMin: 7000000 is above bitrateStart \(6000000\)/,
    ],
    [{ host: { video: { bitrateMax: 1_000_000 } } }, /bitrateStart: 6000000 is above bitrateMax/],
    [{ client: { serverUrlBase: 'http://x' } }, /client\.serverUrlBase: must be a ws:\/\//],
    [{ iceServers: [{ urls: 'http://x' }] }, /iceServers\.0\.urls\.0: must start with stun:/],
    [
      { iceServers: [{ urls: 'turn:x', username: 'u' }] },
      /iceServers\.0: .*needs username and cred/,
    ],
    [{ host: { network: { udpPortMin: 9 } } }, /udpPortMin ≤ udpPortMax/],
    [[], /must hold one JSON object/],
  ])('refuses %j', (file, message) => {
    expect(() => load(file)).toThrow(message);
    expect(() => load(file)).toThrow(ConfigError);
  });

  it('names the variable or flag at fault', () => {
    expect(() => load({}, { PEERDECK_HOST_VIDEO_FPS: 'fast' })).toThrow(
      /^PEERDECK_HOST_VIDEO_FPS: host\.video\.fps/,
    );
    expect(() => load({}, { PEERDECK_HOST_VIDEO_FSP: '1' })).toThrow(
      /Did you mean "PEERDECK_HOST_VIDEO_FPS"/,
    );
    expect(() => load({}, {}, { 'host.video.fsp': '1' })).toThrow(
      /--set host\.video\.fsp: no such setting\. Did you mean "host\.video\.fps"/,
    );
  });

  it('says what is wrong with the file itself', () => {
    expect(() => loadConfig({ file: '/nowhere/c.json', env: {} })).toThrow(/cannot be read/);
    expect(() => loadConfig({ file: 'c', env: {}, readFile: () => '{' })).toThrow(/not valid JSON/);
  });

  it('raises an update interval below a millisecond, with a note; 0 means a millisecond', () => {
    const low = load({ host: { capture: { minUpdateInterval100ns: 5000 } } });
    expect(low.config.host.capture.minUpdateInterval100ns).toBe(10_000);
    expect(low.notes.join()).toContain('5000 raised to 10000');
    const zero = load({});
    expect(zero.notes).toEqual([]);
    expect(effectiveUpdateInterval(zero.config)).toBe(10_000);
    const high = load({ host: { capture: { minUpdateInterval100ns: 83_333 } } }).config;
    expect(effectiveUpdateInterval(high)).toBe(83_333);
  });
});

describe('docs/configuration.md', () => {
  it('is what the schema says', () => {
    const url = new URL('../../../docs/configuration.md', import.meta.url);
    // The formatter pads the columns of tables.
    const words = (text: string) => text.replace(/-{3,}/g, '---').replace(/ +/g, ' ').trim();
    expect(words(readFileSync(url, 'utf8'))).toBe(words(configurationMarkdown()));
  });

  it('explains every key', () => {
    expect(configKeys().length).toBeGreaterThan(35);
    expect(configKeys().filter((key) => key.text === '')).toEqual([]);
  });
});
