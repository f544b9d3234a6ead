import { FrameLog, quantile } from './latency.ts';

describe('FrameLog', () => {
  it('counts pictures by the counter, not by callbacks', () => {
    const log = new FrameLog();
    for (let i = 0; i <= 60; i += 2) log.add(i * 20, { presentedFrames: i });
    expect(log.summary(1200).fps).toBe(50);
  });
  it('has quantiles of the wait, and of decoding in milliseconds', () => {
    const log = new FrameLog();
    for (let i = 1; i <= 20; i += 1) {
      log.add(1000 + i, {
        presentedFrames: i,
        presentationTime: 1000 + i,
        receiveTime: 1000,
        processingDuration: 0.002,
      });
    }
    expect(log.summary(1020)).toMatchObject({
      receiveToShownP50: 10,
      receiveToShownP95: 19,
      processingP50: 2,
    });
  });
  it('forgets old pictures', () => {
    const log = new FrameLog();
    log.add(0, { presentedFrames: 1, receiveTime: 0 });
    log.add(10, { presentedFrames: 2, receiveTime: 0 });
    expect(log.summary(5000)).toEqual({
      fps: 0,
      receiveToShownP50: undefined,
      receiveToShownP95: undefined,
      processingP50: undefined,
    });
  });
});

describe('quantile', () => {
  it('is the nearest rank', () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([1], 0.95)).toBe(1);
    expect(quantile([], 0.5)).toBeUndefined();
  });
});
