import { CALM_MS, Comeback, type Loss } from './comeback.ts';
import { createReconnectPolicy } from './reconnect-policy.ts';

const policy = createReconnectPolicy();
const create = (role: 'host' | 'viewer', random = 1) =>
  new Comeback({ role, policy, random: () => random });
const by = (code: number, more: Partial<Loss> = {}): Loss => ({ code, renewable: false, ...more });

describe('a host', () => {
  it.each([
    ['its address, token or room is refused', [1008, 4001, 4003], 'refused'],
    ['another key has its room, or others filled it', [4009, 4011, 4013, 4016, 4017], 'taken'],
    ['another program has its key', [4010], 'displaced'],
  ])('where %s comes back by itself, ever later', (_, codes, cause) => {
    for (const code of codes) {
      const comeback = create('host');
      const waits: number[] = [];
      for (let time = 0; time < 20; time += 1) {
        const next = comeback.lost(by(code), 0);
        if ('stop' in next) throw new Error('a host stopped');
        expect(next.cause).toBe(cause);
        waits.push(next.inMs);
      }
      expect(waits).toEqual([...waits].sort((a, b) => a - b));
      expect(waits[0]).toBeLessThanOrEqual(5000);
      expect(waits.at(-1)).toBeGreaterThanOrEqual(60_000);
    }
  });

  it('beside a second one with its key is displaced ever less often, although both get in', () => {
    const [first, second] = [create('host'), create('host')];
    let now = 0;
    let displacements = 0;
    for (; now < 8 * 3_600_000; displacements += 1) {
      const one = displacements % 2 === 0 ? first : second;
      one.joined(now);
      const next = one.lost(by(4010), now + 1);
      if ('stop' in next) throw new Error('a host stopped');
      now += next.inMs;
    }
    // Every ten minutes at last: a fight from short waits would be thousands.
    expect(displacements).toBeLessThan(70);
  });

  it('begins with short waits again after a calm time', () => {
    const comeback = create('host');
    for (let time = 0; time < 9; time += 1) comeback.lost(by(4010), 0);
    comeback.joined(0);
    expect(comeback.lost(by(4010), CALM_MS - 1)).toMatchObject({ inMs: 600_000 });
    comeback.joined(0);
    expect(comeback.lost(by(4010), CALM_MS)).toMatchObject({ inMs: 5000 });
  });

  it('comes back soon where its token only ended, and from a plain loss', () => {
    const comeback = create('host');
    expect(comeback.lost(by(4001, { renewable: true }), 0)).toEqual({ inMs: 250, cause: 'lost' });
    expect(comeback.lost(by(1006), 0)).toEqual({ inMs: 500, cause: 'lost' });
    comeback.joined(0);
    expect(comeback.lost(by(1006), 0)).toEqual({ inMs: 250, cause: 'lost' });
  });
});

describe('a viewer', () => {
  it('stops where the table of close codes says so, or a fatal error', () => {
    expect(create('viewer').lost(by(4016), 0)).toEqual({ stop: true, final: true });
    const fatal = { code: 'room-full' };
    expect(create('viewer').lost(by(1011, { fatal }), 0)).toEqual({ stop: true, final: true });
    expect(create('viewer').lost(by(1011), 0)).toEqual({ inMs: 250, cause: 'lost' });
  });
});
