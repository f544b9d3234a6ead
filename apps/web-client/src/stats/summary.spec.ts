import { readSample } from './sample.ts';
import { pathKind, qualityOf, steadyQuality, summarize } from './summary.ts';

/** A report as Chromium has it, shortened. */
function report(at: number, video: Record<string, number>, pair: Record<string, unknown> = {}) {
  return readSample(
    [
      [
        'IT01V1',
        {
          type: 'inbound-rtp',
          kind: 'video',
          timestamp: at,
          codecId: 'CIT01',
          decoderImplementation: 'FFmpeg',
          frameWidth: 1280,
          frameHeight: 720,
          jitter: 0.002,
          ...video,
        },
      ],
      ['IT01A1', { type: 'inbound-rtp', kind: 'audio', timestamp: at, bytesReceived: 7e9 }],
      ['CIT01', { type: 'codec', mimeType: 'video/H264' }],
      ['T01', { type: 'transport', selectedCandidatePairId: 'CP1' }],
      ['CP0', { type: 'candidate-pair', nominated: true, state: 'succeeded' }],
      [
        'CP1',
        {
          type: 'candidate-pair',
          localCandidateId: 'L1',
          remoteCandidateId: 'R1',
          currentRoundTripTime: 0.012,
          ...pair,
        },
      ],
      ['L1', { type: 'local-candidate', candidateType: 'host', protocol: 'udp' }],
      ['R1', { type: 'remote-candidate', candidateType: 'prflx' }],
    ],
    at,
  );
}

describe('summarize', () => {
  it('makes rates and means of what happened between two reports', () => {
    const before = report(1000, {
      bytesReceived: 1000,
      packetsReceived: 100,
      packetsLost: 0,
      framesDecoded: 10,
      totalDecodeTime: 1,
      jitterBufferDelay: 1,
      jitterBufferEmittedCount: 10,
    });
    const now = report(3000, {
      bytesReceived: 251_000,
      packetsReceived: 290,
      packetsLost: 10,
      framesDecoded: 130,
      totalDecodeTime: 1.12,
      jitterBufferDelay: 1.6,
      jitterBufferEmittedCount: 130,
    });
    const stats = summarize(before, now);
    expect(stats).toMatchObject({
      fps: 60,
      bitrate: 1_000_000,
      loss: 0.05,
      rttMs: 12,
      jitterMs: 2,
      width: 1280,
      height: 720,
      codec: 'H264',
      decoder: 'FFmpeg',
      path: 'direct',
      protocol: 'udp',
    });
    expect(stats.decodeMs).toBeCloseTo(1);
    expect(stats.jitterBufferMs).toBeCloseTo(5);
  });

  it('has no rates from one report, nor over the border of two sessions', () => {
    const first = report(1000, { bytesReceived: 9000, framesDecoded: 10 });
    expect(summarize(undefined, first).bitrate).toBeUndefined();
    const other = report(2000, { bytesReceived: 10, framesDecoded: 1 });
    expect(summarize(first, other)).toMatchObject({ bitrate: undefined, fps: undefined });
  });

  it('does without a report', () => {
    const empty = readSample([], 5);
    expect(summarize(undefined, empty)).toMatchObject({ fps: undefined, path: undefined });
  });
});

describe('pathKind', () => {
  it('names the way', () => {
    const path = (local: string, remote: string) =>
      pathKind({ local, remote, protocol: undefined, roundTrip: undefined });
    expect(path('host', 'host')).toBe('local');
    expect(path('prflx', 'srflx')).toBe('direct');
    expect(path('relay', 'host')).toBe('relay');
    expect(path('host', 'relay')).toBe('relay');
  });
});

describe('qualityOf', () => {
  const of = (rttMs: number | undefined, loss: number | undefined) => qualityOf({ rttMs, loss });
  it('is one of three words', () => {
    expect(of(5, 0)).toBe('good');
    expect(of(100, 0)).toBe('fair');
    expect(of(5, 0.02)).toBe('fair');
    expect(of(5, 0.1)).toBe('poor');
    expect(of(300, 0)).toBe('poor');
    expect(of(undefined, undefined)).toBeUndefined();
  });
});

describe('steadyQuality', () => {
  it('does not let one bad second show', () => {
    expect(steadyQuality('good', 'poor')).toBe('good');
    expect(steadyQuality('poor', 'poor')).toBe('poor');
    expect(steadyQuality('poor', 'good')).toBe('good');
    expect(steadyQuality(undefined, 'poor')).toBe('fair');
    expect(steadyQuality('good', undefined)).toBeUndefined();
  });
});
