import { WakeLock } from './wake-lock.ts';

function setup(refuse = false) {
  const log: string[] = [];
  const lock = new WakeLock({
    request: () => {
      log.push('request');
      if (refuse) return Promise.reject(new Error('battery'));
      return Promise.resolve({ release: async () => void log.push('release') });
    },
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { lock, log, settled };
}

describe('WakeLock', () => {
  it('holds one lock while it is wanted', async () => {
    const { lock, log, settled } = setup();
    lock.renew();
    lock.wanted = true;
    lock.renew();
    await settled();
    lock.wanted = false;
    lock.wanted = false;
    await settled();
    expect(log).toEqual(['request', 'request', 'release', 'release']);
  });
  it('lives with a refusal, and without the API', async () => {
    const { lock, log, settled } = setup(true);
    lock.wanted = true;
    lock.wanted = false;
    await settled();
    expect(log).toEqual(['request']);
    new WakeLock(undefined).wanted = true;
  });
});
