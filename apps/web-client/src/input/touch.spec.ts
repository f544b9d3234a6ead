import { Touch } from './touch.ts';

const finger = (pointerId: number, clientX: number, clientY: number) => ({
  pointerId,
  clientX,
  clientY,
});

function setup() {
  const log: string[] = [];
  const timers: (() => void)[] = [];
  const touch = new Touch({
    sink: {
      position: () => log.push('to'),
      motion: () => log.push('by'),
      button: (button, down) => log.push(`${down ? 'press' : 'release'} ${button}`),
      buttonInPlace: () => log.push('in place'),
    },
    geometry: () => ({
      box: { left: 0, top: 0, width: 100, height: 100 },
      picture: { width: 100, height: 100 },
    }),
    scroll: (dx, dy) => log.push(`scroll ${dx},${dy}`),
    flush: () => log.push('flush'),
    timers: {
      set: (callback) => timers.push(callback) - 1,
      clear: (handle) => {
        if (typeof handle === 'number') timers[handle] = () => undefined;
      },
    },
  });
  return { touch, log, holdLong: () => timers.at(-1)?.() };
}

describe('Touch', () => {
  it('taps', () => {
    const { touch, log } = setup();
    touch.down(finger(1, 10, 10));
    touch.move(finger(1, 12, 12));
    touch.up(finger(1, 12, 12));
    expect(log).toEqual(['to', 'press 0', 'release 0']);
  });
  it('presses the right button after a long press, and nothing at its end', () => {
    const { touch, log, holdLong } = setup();
    touch.down(finger(1, 10, 10));
    holdLong();
    touch.up(finger(1, 10, 10));
    expect(log).toEqual(['to', 'press 2', 'release 2', 'flush']);
  });
  it('drags', () => {
    const { touch, log, holdLong } = setup();
    touch.down(finger(1, 10, 10));
    touch.move(finger(1, 40, 10));
    holdLong();
    touch.move(finger(1, 60, 10));
    touch.up(finger(1, 60, 10));
    expect(log).toEqual(['to', 'press 0', 'to', 'to', 'release 0']);
  });
  it('scrolls with two fingers and does not click', () => {
    const { touch, log } = setup();
    touch.down(finger(1, 10, 50));
    touch.down(finger(2, 30, 50));
    touch.move(finger(1, 10, 30));
    touch.move(finger(2, 30, 30));
    touch.up(finger(1, 10, 30));
    touch.up(finger(2, 30, 30));
    expect(log).toEqual(['to', 'scroll 0,10', 'scroll 0,10']);
  });
  it('lets go when the system takes the finger away', () => {
    const { touch, log } = setup();
    touch.down(finger(1, 10, 10));
    touch.move(finger(1, 40, 10));
    touch.releaseAll();
    touch.up(finger(1, 40, 10));
    expect(log).toEqual(['to', 'press 0', 'to', 'release 0']);
  });
});
