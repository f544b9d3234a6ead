import { Registry } from 'prom-client';
import { Link } from '../bus/redis/link.ts';
import { RedisMetrics } from '../bus/redis/metrics.ts';
import { RedisLedger } from '../bus/redis/redis-ledger.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import { Peer } from '../testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';
import type { Ledger } from './ledger.ts';
import { SharedLimiter, type SettleResult } from './shared-limiter.ts';

/*
 * Limits over several nodes, with a real Redis between them.
 */

let redis: RedisServer;
const closing: (() => void | Promise<void>)[] = [];
beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  redis.resume();
  for (const close of closing.splice(0).toReversed()) await close();
  await redis.close();
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Every limit in Redis, with the milliseconds that it has left. */
async function stored(): Promise<[key: string, ttl: number][]> {
  const keys = (await redis.command('keys', '*:limit')) as string[];
  const ttls = await Promise.all(keys.map((key) => redis.command('pttl', key)));
  return keys.map((key, index) => [key, Number(ttls[index])]);
}

describe('two limiters', () => {
  const rate = { limit: 400, periodMs: 2000 };
  const batch = 40;

  async function limiter(timeoutMs = 1000) {
    const results: SettleResult[] = [];
    let ready = false;
    const metrics = new RedisMetrics(new Registry(), {
      breaker: () => link.breaker.state,
      ready: () => ready,
    });
    const link: Link = new Link({
      ...{ urls: [redis.url], cluster: false, timeoutMs, channel: 'c' },
      ...{ clock: systemClock, random: systemRandom, metrics: () => metrics },
      ...{ onItem: () => {}, onGap: () => {}, onError: () => {} },
      onReady: () => (ready = true),
    });
    closing.push(() => {
      link.close();
    });
    link.start();
    await until(() => ready);
    const real = new RedisLedger({ link, prefix: 'test' });
    let slowest = 0;
    const ledger: Ledger = {
      settle: async (...args) => {
        const asked = performance.now();
        const answer = await real.settle(...args);
        slowest = Math.max(slowest, performance.now() - asked);
        return answer;
      },
    };
    const made = new SharedLimiter({
      ...{ ...rate, scope: 'ip', batch, maxKeys: 100, clock: systemClock, ledger },
      onSettled: (result) => results.push(result),
    });
    return { limiter: made, link, results, slowestMs: () => slowest };
  }
  const take = ({ limiter: of }: { limiter: SharedLimiter }) =>
    of.take('10.1.2.3', performance.now());

  test.each([1.1, 3])(
    'a sender over both at %s times the rate gets the rate, no more and no less',
    async (factor) => {
      const nodes = [await limiter(), await limiter()];
      const began = performance.now();
      const elapsed = () => performance.now() - began;
      const perMs = rate.limit / rate.periodMs;
      let allowed = 0;
      for (let sent = 0; elapsed() < 2.5 * rate.periodMs; sent += 1) {
        while (sent > elapsed() * perMs * factor) await turn();
        const node = nodes[sent % 2];
        if (node !== undefined && take(node) === 0) allowed += 1;
        if (sent % 10 === 0) await turn();
      }
      const share = elapsed() * perMs;
      const slowest = Math.max(...nodes.map((node) => node.slowestMs()));
      const underWay = slowest * perMs * factor;
      expect(allowed).toBeGreaterThanOrEqual(Math.floor(share));
      expect(allowed).toBeLessThanOrEqual(rate.limit + share + 2 * batch + underWay);
      expect(nodes.flatMap(({ results }) => results)).not.toContain('failed');
    },
  );

  test('what one has used counts at the other', async () => {
    const [one, two] = [await limiter(), await limiter()];
    while (take(one) === 0);
    await until(() => one.results.length > 0);
    for (let count = 0; count < batch; count += 1) expect(take(two)).toBe(0);
    await until(() => two.results.length > 0);
    let more = 0;
    while (take(two) === 0) more += 1;
    // Of its own limit most is left.
    expect(more).toBeLessThan(rate.limit / 2);
  });

  test('no key stays for ever, and none shows an address', async () => {
    const one = await limiter();
    while (take(one) === 0);
    await until(() => one.results.length > 0);
    const keys = await stored();
    expect(keys).toHaveLength(1);
    for (const [key, ttl] of keys) {
      expect(key).toMatch(/^test:\{ip-[\w-]{22}\}:limit$/);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(rate.periodMs * 7);
    }
    // As a node leaves it behind that dies now: it ends by itself.
    await until(async () => (await stored()).length === 0);
  });

  test('a server that has lost the script gets it again', async () => {
    const one = await limiter();
    await redis.command('script', 'flush');
    for (let count = 0; count < batch; count += 1) take(one);
    await until(() => one.results.length === 1);
    expect(one.results).toEqual(['within']);
  });

  test('many keys at once go in few writes, and each has its answer', async () => {
    const one = await limiter();
    for (let key = 0; key < 99; key += 1) {
      for (let count = 0; count < batch; count += 1) one.limiter.take(`k${key}`, performance.now());
    }
    await until(() => one.results.length >= 99);
    expect(new Set(one.results)).not.toContain('failed');
    expect(await stored()).toHaveLength(99);
  });

  test.each<[string, () => Promise<void> | void, () => Promise<void> | void]>([
    ['killed', () => redis.kill(), () => redis.restart()],
    ['paused', () => redis.pause(), () => redis.resume()],
  ])('with Redis %s each has its own limit, then the common one again', async (_how, stop, go) => {
    const nodes = [await limiter(200), await limiter(200)];
    await stop();
    for (const node of nodes) {
      let allowed = 0;
      for (let count = 0; count < rate.limit; count += 1) {
        if (take(node) === 0) allowed += 1;
        if (count % 20 === 0) await turn();
      }
      expect(allowed).toBe(rate.limit);
    }
    await until(() => nodes.every(({ results }) => results.includes('failed')));
    await go();
    await until(() => {
      for (const node of nodes) {
        take(node);
        if (!node.link.breaker.closed && node.link.breaker.probe()) {
          // What the bus does with its lease.
          node.link.breaker.succeeded();
        }
      }
      return nodes.every(({ results }) => results.at(-1) !== 'failed');
    });
  });
});

describe('two nodes', () => {
  let count = 0;
  async function node(env: Record<string, string>): Promise<TestService> {
    count += 1;
    const settings = { REDIS_URL: redis.url, REDIS_LEASE_MS: '4000', ...env };
    const made = await startService(settings, { nodeId: `limits-${count}` });
    closing.push(() => made.close());
    await until(() => made.service.ready);
    return made;
  }
  async function pair(
    at: TestService,
    room: number,
    address = '198.51.100.1',
  ): Promise<[host: Peer, viewer: Peer]> {
    const options = { headers: { 'X-Forwarded-For': address } };
    const open = () => Peer.open(at.url, ['peerdeck.v2'], options);
    const [host, viewer] = [await open(), await open()];
    await host.join(roomId(room), 'host');
    await viewer.join(roomId(room), 'viewer');
    closing.push(() => {
      for (const peer of [host, viewer]) peer.socket.terminate();
    });
    return [host, viewer];
  }
  const control = { type: 'control', action: 'x' };
  const got = (peer: Peer) => peer.types().filter((type) => type === 'control').length;

  /** Sends ten after ten until one is refused; how many the host had then. */
  async function flood([host, viewer]: [Peer, Peer]): Promise<number> {
    const refused = () => viewer.types().includes('error');
    while (!refused()) {
      const before = got(host);
      for (let each = 0; each < 10; each += 1) viewer.send(control);
      await until(() => got(host) >= before + 10 || refused());
    }
    return got(host);
  }

  test('messages of one address count on both', async () => {
    const env = { RATE_LIMIT_IP_MSGS_PER_10S: '400' };
    const [a, b] = [await node(env), await node(env)];
    const [first, second] = [await pair(a, 1), await pair(b, 2)];
    // The joins count too.
    expect(await flood(first)).toBeGreaterThanOrEqual(396);
    expect(await flood(second)).toBeLessThan(200);
    expect(second[1].received.at(-1)).toMatchObject({
      code: 'rate-limited',
      message: 'too many messages of this ip',
    });
    const leases = ['within', 'over'].map((result) =>
      b.metric(`signaling_limit_leases_total{scope="ip",result="${result}"}`),
    );
    expect(Math.max(...(await Promise.all(leases)))).toBeGreaterThan(0);
    expect(await b.metric('signaling_limit_keys{scope="ip"}')).toBe(1);
    expect(await b.metric('signaling_limit_leases_total{scope="ip",result="failed"}')).toBe(0);
  });

  test('messages of one room count on both', async () => {
    const env = { RATE_LIMIT_ROOM_MSGS_PER_10S: '400' };
    const [a, b] = [await node(env), await node(env)];
    const [host, near] = await pair(a, 1);
    const far = await b.v2();
    await far.join(roomId(1), 'viewer');
    closing.push(() => {
      far.socket.terminate();
    });
    expect(await flood([host, near])).toBeGreaterThanOrEqual(400);
    const before = got(host);
    await flood([host, far]);
    expect(got(host) - before).toBeLessThan(200);
  });

  test('connections of one address count on both', async () => {
    const env = { RATE_LIMIT_CONN_PER_10S: '20' };
    const nodes = [await node(env), await node(env)];
    let accepted = 0;
    const began = performance.now();
    for (let each = 0; each < 60; each += 1) {
      const peer = await (nodes[each % 2] as TestService).v2();
      closing.push(() => {
        peer.socket.terminate();
      });
      const first = await peer.next();
      if (first.type === 'hello') accepted += 1;
      else expect(first).toMatchObject({ code: 'rate-limited', fatal: true });
    }
    // 20, those that have become free meanwhile, and a few until both knew.
    expect(accepted).toBeGreaterThanOrEqual(20);
    expect(accepted).toBeLessThan(32 + (performance.now() - began) / 500);
  });

  test('guesses of one address count on both', async () => {
    const env = { RATE_LIMIT_GUESSES_PER_60S: '6' };
    const nodes = [await node(env), await node(env)];
    let tried = 0;
    const began = performance.now();
    for (let room = 0; room < 20; room += 1) {
      const peer = await (nodes[room % 2] as TestService).v2();
      peer.send({ type: 'join', room: roomId(room), role: 'viewer' });
      const answer = await Promise.race([peer.next('welcome'), peer.closed]);
      if ('code' in answer) expect(answer['code']).toBe(4008);
      else tried += 1;
      peer.socket.terminate();
    }
    expect(tried).toBeGreaterThanOrEqual(6);
    expect(tried).toBeLessThanOrEqual(9 + (performance.now() - began) / 10_000);
  });

  test('TURN credentials of one address count on both', async () => {
    const env = {
      ...{ TURN_URLS: 'turn:turn.example.com', TURN_SECRET: 'x'.repeat(40) },
      ...{ RATE_LIMIT_TURN_PER_10MIN: '8' },
    };
    const nodes = [await node(env), await node(env)];
    let given = 0;
    for (let room = 0; room < 16; room += 1) {
      const peer = await (nodes[room % 2] as TestService).v2();
      closing.push(() => {
        peer.socket.terminate();
      });
      const welcome = await peer.join(roomId(room), 'host');
      given += (welcome['iceServers'] as unknown[]).length;
    }
    expect(given).toBeGreaterThanOrEqual(8);
    expect(given).toBeLessThan(13);
  });

  test('by the defaults at most a command for 20 messages, and none of a small sender', async () => {
    const a = await node({
      ...{ RATE_LIMIT_IP_MSGS_PER_10S: '500', RATE_LIMIT_ROOM_MSGS_PER_10S: '1000' },
      TRUSTED_PROXIES: '127.0.0.1',
    });
    const commands = () => a.metric('signaling_redis_commands_total{command="limit"}');
    const received = () => a.metric('signaling_messages_received_total{type="control"}');
    const send = async (room: number, count: number) => {
      const [host, viewer] = await pair(a, room, `198.51.100.${room}`);
      for (let each = 0; each < count; each += 1) viewer.send(control);
      await until(() => got(host) === count);
    };
    // An address sends its two joins besides.
    for (let room = 0; room < 10; room += 1) await send(room, 47);
    expect(await received()).toBe(470);
    expect(await commands()).toBe(0);
    for (let room = 10; room < 30; room += 1) await send(room, 490);
    const messages = (await received()) - 470;
    expect(messages).toBe(9800);
    expect((await commands()) / messages).toBeLessThanOrEqual(0.05);
    expect(await commands()).toBeGreaterThan(0);
  });

  test('with Redis paused nobody is refused, and nothing waits', async () => {
    const a = await node({
      ...{ RATE_LIMIT_IP_MSGS_PER_10S: '1000', RATE_LIMIT_ROOM_MSGS_PER_10S: '1000' },
      ...{ REDIS_TIMEOUT_MS: '200' },
    });
    const [host, viewer] = await pair(a, 1);
    redis.pause();
    for (let each = 0; each < 900; each += 1) viewer.send(control);
    await until(() => got(host) === 900);
    expect(viewer.types()).not.toContain('error');
    await until(
      async () =>
        (await a.metric('signaling_limit_leases_total{scope="room",result="failed"}')) > 0,
    );
  });

  test('no address and no room of v2 is in the keys of limits', async () => {
    const env = {
      ...{ RATE_LIMIT_IP_MSGS_PER_10S: '100', RATE_LIMIT_ROOM_MSGS_PER_10S: '100' },
      ...{ RATE_LIMIT_CONN_PER_10S: '100', RATE_LIMIT_GUESSES_PER_60S: '10' },
    };
    const a = await node(env);
    await (await a.v2()).join(roomId(77), 'viewer');
    const [, viewer] = await pair(a, 1);
    for (let each = 0; each < 60; each += 1) viewer.send(control);
    for (let each = 0; each < 6; each += 1) await a.v2();
    await until(async () => (await stored()).length === 4);
    for (const [key, ttl] of await stored()) {
      expect(key).toMatch(/^peerdeck:\{(ip|room|connects|guesses)-[\w-]{22}\}:limit$/);
      expect(ttl).toBeGreaterThan(0);
    }
  });
});
