import { RoundTrip } from './round-trip.ts';

describe('RoundTrip', () => {
  it('measures by its own clock, once for each ping', () => {
    const trip = new RoundTrip();
    const { id } = trip.ping(1000);
    trip.pong(id, 1012);
    expect(trip.ms).toBe(12);
    trip.pong(id, 9999);
    trip.pong(77, 9999);
    expect(trip.ms).toBe(12);
  });

  it('forgets the oldest of too many', () => {
    const trip = new RoundTrip();
    const first = trip.ping(0);
    for (let n = 0; n < 40; n += 1) trip.ping(n);
    trip.pong(first.id, 50);
    expect(trip.ms).toBeUndefined();
  });

  it('knows how old its figure is', () => {
    const trip = new RoundTrip();
    expect(trip.fresh(0, 1000)).toBeUndefined();
    trip.pong(trip.ping(0).id, 5);
    expect(trip.fresh(1000, 1000)).toBe(5);
    expect(trip.fresh(1006, 1000)).toBeUndefined();
  });
});
