import { CommandQueue } from './command-queue.ts';
import { isNativeError } from './errors.ts';

describe('CommandQueue', () => {
  it('runs commands one at a time, in order, whatever each takes', async () => {
    const queue = new CommandQueue();
    const log: string[] = [];
    const release: (() => void)[] = [];
    const slow = queue.run('slow', async () => {
      log.push('slow starts');
      await new Promise<void>((resolve) => release.push(resolve));
      log.push('slow ends');
    });
    const fast = queue.run('fast', async () => log.push('fast'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['slow starts']);
    release[0]?.();
    await Promise.all([slow, fast]);
    expect(log).toEqual(['slow starts', 'slow ends', 'fast']);
  });

  it('goes on after a failure, which only its own caller sees', async () => {
    const queue = new CommandQueue();
    const failed = queue.run('bad', async () => Promise.reject(new Error('no')));
    const next = queue.run('good', async () => 7);
    await expect(failed).rejects.toThrow('no');
    await expect(next).resolves.toBe(7);
  });

  it('refuses what is over the bound', async () => {
    const queue = new CommandQueue({ limit: 1 });
    const first = queue.run('first', async () => 1);
    const refused: unknown = await queue.run('second', async () => 2).catch((error) => error);
    expect(isNativeError(refused, 'PD_ERR_WOULD_BLOCK')).toBe(true);
    await first;
    await expect(queue.run('third', async () => 3)).resolves.toBe(3);
    expect(queue.waiting).toBe(0);
  });
});
