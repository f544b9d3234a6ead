import {
  createReconnectPolicy,
  MAX_RETRY_AFTER_MS,
  RECONNECT_DELAYS_MS,
} from './reconnect-policy.ts';

const most = () => 0.999_999;
const least = () => 0;

describe('the reconnect policy', () => {
  const policy = createReconnectPolicy();

  it('spreads each delay evenly below its bound, and stays at the last', () => {
    const bounds = [...RECONNECT_DELAYS_MS, RECONNECT_DELAYS_MS.at(-1)];
    expect(bounds.map((_, attempt) => policy.next(attempt, { random: most }))).toEqual(bounds);
    expect(policy.next(1000, { random: most })).toBe(20_000);
    expect(policy.next(3, { random: least })).toBe(0);
    expect(policy.next(3, { random: () => 0.5 })).toBe(1000);
  });

  it('comes no earlier than the server asks, and cuts absurd hints', () => {
    expect(policy.next(0, { random: least, retryAfterMs: 3000 })).toBe(3000);
    expect(policy.next(0, { random: () => 0.5, retryAfterMs: 3000 })).toBe(3125);
    expect(policy.next(0, { random: least, retryAfterMs: 1e12 })).toBe(MAX_RETRY_AFTER_MS);
    expect(policy.next(0, { random: least, retryAfterMs: -1 })).toBe(0);
  });

  it('can have enough', () => {
    const thrice = createReconnectPolicy({ delaysMs: [10], maxAttempts: 3 });
    expect([0, 1, 2, 3].map((n) => thrice.next(n, { random: least }))).toEqual([0, 0, 0, 'stop']);
    expect(() => createReconnectPolicy({ delaysMs: [] })).toThrow('delaysMs');
  });
});
