import { PendingPlaces } from './pending-places.ts';

test('20 addresses that hold all places give one up to whoever else comes', () => {
  const places = new PendingPlaces(100);
  for (let count = 0; count < 100; count += 1) {
    expect(places.enter(`silent ${count}`, `192.0.2.${count % 20}`).ok).toBe(true);
  }
  for (let count = 0; count < 4; count += 1) {
    const decision = places.enter(`new ${count}`, '198.51.100.1');
    // The oldest of an address that has most.
    expect(decision).toEqual({ ok: true, givesWay: `silent ${count}` });
  }
  // It would have as many as they have.
  expect(places.enter('new 4', '198.51.100.1')).toEqual({ ok: false });
  expect(places.size).toBe(100);
});

test('the networks of one owner of IPv6 count as one', () => {
  const places = new PendingPlaces(10);
  for (let count = 0; count < 10; count += 1) places.enter(`${count}`, `2001:db8:7:${count}`);
  expect(places.enter('new', '192.0.2.1')).toEqual({ ok: true, givesWay: '0' });
});

test('a crowd of addresses with one each pushes nobody out', () => {
  const places = new PendingPlaces(10);
  for (let count = 0; count < 10; count += 1) places.enter(`${count}`, `192.0.2.${count}`);
  expect(places.enter('new', '198.51.100.1')).toEqual({ ok: false });
  places.leave('3');
  places.leave('3');
  expect(places.enter('new', '198.51.100.1')).toEqual({ ok: true, givesWay: undefined });
});
