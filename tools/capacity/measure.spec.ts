import { MEASURED } from './costs.ts';
import { measureRedis } from './measure.ts';

it('every cost of Redis that a plan rests on can be measured', async () => {
  const costs = await measureRedis(50);
  expect(Object.keys(costs).sort()).toEqual(Object.keys(MEASURED.redis).sort());
}, 30_000);
