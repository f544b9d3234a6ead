import { Child } from '@peerdeck/harness/child';
import { redisCostsMain } from '@peerdeck/harness/paths';
import type { RedisCosts } from './costs.ts';

const DEADLINE_MS = 30 * 60_000;

/** Has the service's own commands measured with `rooms` rooms, by a process of the service. */
export async function measureRedis(rooms: number): Promise<RedisCosts> {
  const args = ['--conditions=@peerdeck/source', redisCostsMain, String(rooms)];
  const child = new Child({ name: 'redis-costs', command: process.execPath, args });
  try {
    const [line] = await child.waitForLine(/^\{.*\}$/, DEADLINE_MS);
    return JSON.parse(line) as RedisCosts;
  } finally {
    await child.close();
  }
}
