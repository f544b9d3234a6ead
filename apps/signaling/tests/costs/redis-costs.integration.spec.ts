import { measureRedis } from './redis-costs.ts';

it('what Redis takes is measured with real rooms', async () => {
  const costs = await measureRedis(200);
  expect(Object.keys(costs).sort()).toEqual(
    ['bytesPerRoom', 'commandUs', 'joinUs', 'leaveUs', 'publishUs', 'renewUs', 'syncUs'].sort(),
  );
  expect(costs.bytesPerRoom).toBeGreaterThan(300);
  expect(costs.bytesPerRoom).toBeLessThan(10_000);
}, 30_000);
