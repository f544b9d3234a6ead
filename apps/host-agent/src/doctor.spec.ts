import { NativeLibraryError } from '@peerdeck/native-capture';
import { FakeMediaHost } from '@peerdeck/native-capture/testing';
import { loadConfig } from './config.ts';
import { diagnose, type DoctorOptions } from './doctor.ts';

function options(change: Partial<DoctorOptions> = {}): DoctorOptions {
  const host = new FakeMediaHost();
  host.report = {
    versions: { libavcodec: '59' },
    sources: [
      { name: 'x11', available: true, reason: '' },
      { name: 'wgc', available: false, reason: 'Windows only' },
    ],
    encoders: [{ name: 'libx264', available: true, reason: '' }],
    injectors: [{ name: 'xtest', available: true, reason: '' }],
  };
  return {
    config: loadConfig({ env: {} }).config,
    display: ':1',
    version: '0.1.0',
    openHost: async () => host,
    checkSignaling: async () => undefined,
    interfaces: () => ({}),
    ...change,
  };
}

describe('diagnose', () => {
  it('lists what works and why the rest does not', async () => {
    const { text, healthy } = await diagnose(options());
    expect(healthy).toBe(true);
    expect(text).toContain('✓ x11');
    expect(text).toContain('✗ wgc: Windows only');
    expect(text).toContain('libavcodec 59');
    expect(text).toContain('✓ fake, 1280×720, fake');
    expect(text).toContain('✓ signaling ws://localhost:3002');
    expect(text).toContain('All that is needed works.');
  });

  it('is not healthy without a source, and closes what it opened', async () => {
    const host = new FakeMediaHost();
    host.pipelineError = new Error('display :1 cannot be opened');
    const { text, healthy } = await diagnose(options({ openHost: async () => host }));
    expect(healthy).toBe(false);
    expect(text).toContain('✗ cannot be opened: display :1 cannot be opened');
    expect(text).toMatch(/Not ready: the configured source cannot be opened\./);
    expect(host.closed).toBe(true);
  });

  it('is not healthy without libraries or signaling, and says both', async () => {
    const { text, healthy } = await diagnose(
      options({
        openHost: async () => Promise.reject(new NativeLibraryError('not found: pion_webrtc')),
        checkSignaling: async () => 'connection refused',
      }),
    );
    expect(healthy).toBe(false);
    expect(text).toContain('not found: pion_webrtc');
    expect(text).toContain('✗ signaling ws://localhost:3002: connection refused');
  });

  it('says which interfaces are left out', async () => {
    const address = (text: string, internal: boolean) =>
      [{ address: text, internal }] as unknown as NonNullable<
        ReturnType<NonNullable<DoctorOptions['interfaces']>>[string]
      >;
    const config = loadConfig({
      env: {},
      flags: { 'host.network.interfaces': '["eth0"]' },
    }).config;
    const interfaces = () => ({
      eth0: address('10.0.0.2', false),
      wlan0: address('10.0.0.3', false),
    });
    const { text } = await diagnose(options({ config, interfaces }));
    expect(text).toContain('✓ eth0 10.0.0.2');
    expect(text).toContain('✗ wlan0 10.0.0.3: not in host.network.interfaces');
  });
});
