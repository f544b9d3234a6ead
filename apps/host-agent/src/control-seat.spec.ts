import { ControlSeat } from './control-seat.ts';

describe('ControlSeat', () => {
  it('takeOver: the newest has it, and the newest of the rest after it', () => {
    const seat = new ControlSeat<string>('takeOver');
    for (const name of ['a', 'b', 'c']) seat.join(name);
    expect(seat.holder).toBe('c');
    seat.leave('b');
    seat.leave('c');
    expect(seat.holder).toBe('a');
    seat.leave('a');
    expect(seat.holder).toBeUndefined();
  });

  it('wait: the first keeps it, then the one who waited longest', () => {
    const seat = new ControlSeat<string>('wait');
    for (const name of ['a', 'b', 'c', 'a']) seat.join(name);
    expect(seat.holder).toBe('a');
    seat.leave('a');
    expect(seat.holder).toBe('b');
    seat.leave('nobody');
    expect(seat.holder).toBe('b');
  });

  it('joining again moves nothing', () => {
    const seat = new ControlSeat<string>('takeOver');
    seat.join('a');
    seat.join('b');
    seat.join('a');
    expect(seat.holder).toBe('b');
  });
});
