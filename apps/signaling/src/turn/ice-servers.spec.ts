import { roomId, startService, type TestService } from '../testing/harness.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Peer, type Message } from '../testing/peer.ts';

const ROOM = roomId(1);
const SECRET = 'secret-of-the-turn-servers-0123456789';
const TTL_S = 600;
const STUN = { urls: ['stun:stun.example'] };

let clock: ManualClock;
let server: TestService | undefined;

async function start(env: Record<string, string> = {}): Promise<TestService> {
  clock = new ManualClock();
  server = await startService(
    {
      ICE_SERVERS: JSON.stringify([STUN]),
      TURN_URLS: 'turn:turn.example?transport=udp, turns:turn.example:443',
      TURN_SECRET: SECRET,
      TURN_TTL_S: String(TTL_S),
      // Hours pass here in no time.
      HEARTBEAT_INTERVAL_MS: '3600000',
      HEARTBEAT_TIMEOUT_MS: '86400000',
      ...env,
    },
    { clock },
  );
  return server;
}

afterEach(() => server?.close());

interface Server {
  readonly urls: string[];
  readonly username?: string;
  readonly credential?: string;
}

function servers(message: Message): Server[] {
  return message['iceServers'] as Server[];
}

/** The TURN server in a message, which has the STUN server too. */
function turn(message: Message): Required<Server> {
  const [stun, relay] = servers(message);
  expect(stun).toEqual(STUN);
  expect(relay?.urls).toEqual(['turn:turn.example?transport=udp', 'turns:turn.example:443']);
  return relay as Required<Server>;
}

const endOf = ({ username }: Required<Server>) => Number(username.split(':')[0]);
const now = () => Math.floor(clock.epoch() / 1000);
const updates = (peer: Peer) => peer.received.filter(({ type }) => type === 'ice-servers');

/** As every viewer does whose host is there. */
async function offers(peer: Peer): Promise<void> {
  peer.send({ type: 'offer', session: 's', sdp: 'v=0' });
  await peer.settle();
}

describe('TURN credentials', () => {
  test('are in the welcome of a host, and of a viewer who finds it there', async () => {
    const { v2, metric } = await start();
    const welcome = await (await v2()).join(ROOM, 'host');
    expect(endOf(turn(welcome))).toBe(now() + TTL_S);
    expect(endOf(turn(await (await v2()).join(ROOM, 'viewer')))).toBe(now() + TTL_S);
    expect(await metric('signaling_turn_credentials_total{result="given"}')).toBe(2);
  });

  test('come to a viewer who was first with the host, before it hears of the host', async () => {
    const { v2, metric } = await start();
    const viewer = await v2();
    expect(servers(await viewer.join(ROOM, 'viewer'))).toEqual([STUN]);
    expect(await metric('signaling_turn_credentials_total{result="no-host"}')).toBe(1);
    await (await v2()).join(ROOM, 'host');
    const update = await viewer.next();
    expect(update).toMatchObject({ type: 'ice-servers', ttlS: TTL_S });
    expect(endOf(turn(update))).toBe(now() + TTL_S);
    expect((await viewer.next()).type).toBe('member-joined');
  });

  test('are not given while the host is away, and come when it is back', async () => {
    const { v2 } = await start();
    const host = await v2();
    const { resume } = await host.join(ROOM, 'host');
    const early = await v2();
    await early.join(ROOM, 'viewer');
    host.socket.terminate();
    await early.next('member-detached');
    const late = await v2();
    expect(servers(await late.join(ROOM, 'viewer'))).toEqual([STUN]);
    turn(await (await v2()).join(ROOM, 'host', { resume }));
    expect((await late.next()).type).toBe('ice-servers');
    expect((await late.next()).type).toBe('member-resumed');
    // What this one has is still good.
    await early.next('member-resumed');
    expect(updates(early)).toEqual([]);
  });

  test('are renewed in the third quarter of their life, spread, without being counted', async () => {
    const { v2, metric } = await start({ RATE_LIMIT_TURN_PER_10MIN: '9' });
    const peers = await Promise.all(Array.from({ length: 9 }, v2));
    for (const [index, peer] of peers.entries()) {
      await peer.join(ROOM, index === 0 ? 'host' : 'viewer');
      if (index > 0) await offers(peer);
    }
    const begun = now();
    for (let lives = 0; lives < 4; lives += 1) clock.advance(TTL_S * 1000);
    const firsts = new Set<number>();
    for (const peer of peers) {
      await peer.settle();
      const given = [begun, ...updates(peer).map((update) => endOf(turn(update)) - TTL_S)];
      firsts.add(given[1] ?? 0);
      const gaps = given.slice(1).map((at, index) => (at - (given[index] ?? 0)) / TTL_S);
      // Half a sweep more at the end; the host's first credentials are as old as the last ones.
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.49);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(0.76);
      expect(now() - (given.at(-1) ?? 0)).toBeLessThanOrEqual(TTL_S * 0.76);
    }
    expect(firsts.size).toBeGreaterThan(1);
    const renewed = peers.reduce((sum, peer) => sum + updates(peer).length, 0);
    expect(await metric('signaling_turn_credentials_total{result="renewed"}')).toBe(renewed);
    expect(await metric('signaling_turn_credentials_total{result="limited"}')).toBe(0);
  });

  test('are not renewed without a host', async () => {
    const { v2 } = await start();
    const host = await v2();
    await host.join(ROOM, 'host');
    const viewer = await v2();
    turn(await viewer.join(ROOM, 'viewer'));
    host.send({ type: 'leave' });
    await viewer.next('member-left');
    clock.advance(TTL_S * 3000);
    await viewer.settle();
    expect(updates(viewer)).toEqual([]);
    await (await v2()).join(ROOM, 'host');
    expect(endOf(turn(await viewer.next('ice-servers')))).toBe(now() + TTL_S);
  });

  test('are limited by address: who gets none joins all the same, and has some later', async () => {
    const { v2, metric } = await start({ RATE_LIMIT_TURN_PER_10MIN: '2' });
    await (await v2()).join(ROOM, 'host');
    turn(await (await v2()).join(ROOM, 'viewer'));
    const third = await v2();
    expect(servers(await third.join(ROOM, 'viewer'))).toEqual([STUN]);
    await offers(third);
    expect(await metric('signaling_turn_credentials_total{result="limited"}')).toBe(1);
    clock.advance(310_000);
    turn(await third.next('ice-servers'));
    expect(await metric('signaling_turn_credentials_total{result="limited"}')).toBe(1);
  });

  test('are limited by room, whatever the addresses', async () => {
    const { url } = await start({ RATE_LIMIT_TURN_PER_10MIN: '2', TRUSTED_PROXIES: '127.0.0.1' });
    const join = async (index: number, room: string) => {
      const headers = { 'x-forwarded-for': `192.0.2.${index}` };
      const peer = await Peer.open(url, ['peerdeck.v2'], { headers });
      return servers(await peer.join(room, index === 1 ? 'host' : 'viewer'));
    };
    const counts = [];
    for (let index = 1; index <= 3; index += 1) counts.push((await join(index, ROOM)).length);
    expect(counts).toEqual([2, 2, 1]);
    expect(await join(1, roomId(2))).toHaveLength(2);
  });

  test('are not used up for others of the room by an address that comes and goes', async () => {
    const { url } = await start({ RATE_LIMIT_TURN_PER_10MIN: '4', TRUSTED_PROXIES: '127.0.0.1' });
    const join = async (index: number, role: 'host' | 'viewer') => {
      const headers = { 'x-forwarded-for': `192.0.2.${index}` };
      const peer = await Peer.open(url, ['peerdeck.v2'], { headers });
      return { peer, count: servers(await peer.join(ROOM, role)).length };
    };
    await join(1, 'host');
    const counts = [];
    for (let time = 0; time < 5; time += 1) {
      const { peer, count } = await join(2, 'viewer');
      counts.push(count);
      peer.send({ type: 'leave' });
      await peer.closed;
    }
    expect(counts).toEqual([2, 2, 2, 2, 1]);
    expect((await join(3, 'viewer')).count).toBe(2);
  });

  test('name the same id for an address in a room, and another one elsewhere', async () => {
    const { v2 } = await start();
    const id = async (room: string, role: 'host' | 'viewer') =>
      turn(await (await v2()).join(room, role)).username.split(':')[1];
    const host = await id(ROOM, 'host');
    expect(await id(ROOM, 'viewer')).toBe(host);
    expect(await id(roomId(2), 'host')).not.toBe(host);
  });

  test('are nobody’s business without TURN_URLS, and never in a log', async () => {
    const { v2, log } = await start();
    const { credential, username } = turn(await (await v2()).join(ROOM, 'host'));
    const text = log.join('');
    for (const secret of [SECRET, credential, username, username.split(':')[1] ?? '']) {
      expect(text).not.toContain(secret);
    }
    await server?.close();
    const without = await start({ TURN_URLS: '', TURN_SECRET: '' });
    const viewer = await without.v2();
    expect(servers(await viewer.join(ROOM, 'viewer'))).toEqual([STUN]);
    await (await without.v2()).join(ROOM, 'host');
    await offers(viewer);
    clock.advance(TTL_S * 3000);
    await viewer.settle();
    expect(viewer.types()).not.toContain('ice-servers');
  });

  test('are nothing that the original protocol knows of', async () => {
    const { original } = await start();
    const [one, two] = [await original('room'), await original('room')];
    two.send({ type: 'control', action: 'hint' });
    await one.next('control');
    expect(one.texts.join('')).not.toContain('turn:');
  });
});
