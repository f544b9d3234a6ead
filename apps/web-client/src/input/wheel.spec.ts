import { WheelScale } from './wheel.ts';

const event = (deltaX: number, deltaY: number, deltaMode = 0) => ({ deltaX, deltaY, deltaMode });

describe('WheelScale', () => {
  it('makes one notch of 100 pixels, 3 lines', () => {
    expect(new WheelScale().add(event(0, 100))).toEqual({ dx: 0, dy: 120 });
    expect(new WheelScale().add(event(0, -3, 1))).toEqual({ dx: 0, dy: -120 });
    expect(new WheelScale().add(event(200, 0))).toEqual({ dx: 240, dy: 0 });
    expect(new WheelScale().add(event(0, 1, 2))).toEqual({ dx: 0, dy: 360 });
  });

  it('keeps the rest of small touchpad steps', () => {
    const wheel = new WheelScale();
    let sum = 0;
    for (let i = 0; i < 1000; i += 1) sum += wheel.add(event(0, 0.1))?.dy ?? 0;
    expect(sum).toBe(120);
  });

  it('forgets the rest when the direction turns', () => {
    const wheel = new WheelScale();
    expect(wheel.add(event(0, 0.8))).toBeUndefined();
    expect(wheel.add(event(0, -1))).toEqual({ dx: 0, dy: -1 });
  });

  it('stays within a signed 16-bit number', () => {
    const wheel = new WheelScale();
    expect(wheel.add(event(1e9, -1e9))).toEqual({ dx: 32_767, dy: -32_767 });
    expect(wheel.add(event(0, 100))).toEqual({ dx: 0, dy: 120 });
  });

  it('starts anew after reset', () => {
    const wheel = new WheelScale();
    wheel.add(event(0, 0.8));
    wheel.reset();
    expect(wheel.add(event(0, 0.8))).toBeUndefined();
  });
});
