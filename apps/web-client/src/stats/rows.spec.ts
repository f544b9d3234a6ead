import { FrameLog } from '../media/latency.ts';
import { bitrate, hostRows, viewerRows } from './rows.ts';

const nothing = {
  stats: undefined,
  frames: new FrameLog().summary(0),
  controlRttMs: undefined,
  connection: undefined,
};

describe('rows', () => {
  it('has a line for all that is promised, measured or not', () => {
    const rows = viewerRows(nothing);
    expect(rows.map((row) => row.key)).toEqual(
      expect.arrayContaining(['fps', 'bitrate', 'rtt', 'loss', 'decode', 'jitter-buffer', 'path']),
    );
    expect(new Set(rows.map((row) => row.value))).toEqual(new Set(['–']));
  });

  it("falls back to the control channel's round trip", () => {
    const rows = viewerRows({ ...nothing, controlRttMs: 3.21, connection: 'c-1' });
    expect(rows.find((row) => row.key === 'rtt')?.value).toBe('3.2 ms');
    expect(rows.find((row) => row.key === 'connection')?.value).toBe('c-1');
  });

  it("shows the host's figures and gaps in them", () => {
    const rows = hostRows({
      type: 'host-stats',
      fps: 59.94,
      bitrateBps: 3_960_000,
      targetBitrateBps: 850_000,
      encodeMs: null,
      captureToSendMs: 2.44,
      queueDelayMs: 0,
      lossFraction: 0.0234,
      rttMs: null,
      encoder: 'libx264',
      reason: '',
    });
    const value = (key: string) => rows.find((row) => row.key === key)?.value;
    expect(value('host-fps')).toBe('60 fps');
    expect(value('host-bitrate')).toBe('4.0 Mbit/s');
    expect(value('host-target')).toBe('850 kbit/s');
    expect(value('host-encode')).toBe('–');
    expect(value('host-loss')).toBe('2.3 %');
    expect(value('host-reason')).toBe('–');
    expect(hostRows(undefined)).toEqual([]);
  });
});

describe('bitrate', () => {
  it('changes its unit without a gap', () => {
    expect(bitrate(999_400)).toBe('999 kbit/s');
    expect(bitrate(999_600)).toBe('1.0 Mbit/s');
    expect(bitrate(null)).toBe('–');
  });
});
