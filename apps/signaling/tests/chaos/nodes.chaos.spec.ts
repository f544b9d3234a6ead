import { roomId, until } from '../../src/testing/harness.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import type { Peer } from '../../src/testing/peer.ts';
import { Stage } from '../../src/testing/stage.ts';

/*
 * Nodes that die without a word, and nodes that stall for longer than their lease.
 */

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

const count = (peer: Peer, type: string) => peer.types().filter((each) => each === type).length;
const lefts = (peer: Peer) => peer.received.filter(({ type }) => type === 'member-left');
/** Whoever the peer takes for the host, from all that it was told: in order, and never two. */
function hosts(peer: Peer): Set<unknown> {
  const present = new Set<unknown>();
  for (const { type, role, peerId, members } of peer.received) {
    for (const member of type === 'welcome' ? (members as Record<string, unknown>[]) : []) {
      if (member['role'] === 'host') present.add(member['peerId']);
    }
    if (role !== 'host' || type === 'welcome') continue;
    if (type === 'member-left') present.delete(peerId);
    else present.add(peerId);
    expect(present.size).toBeLessThanOrEqual(1);
  }
  return present;
}

test('kill -9 of one node of three, by the defaults: its places are free within 20 s, each told of once', async () => {
  const [a, b, c] = (await stage.nodes(3)) as [NodeProcess, NodeProcess, NodeProcess];
  const host = await stage.enter(a, roomId(1), 'host');
  const near = await stage.enter(b, roomId(1), 'viewer');
  const far = await stage.enter(c, roomId(1), 'viewer');
  const one = await stage.original(a, 'old');
  const two = await stage.original(b, 'old');
  const both = async () => (await stage.rooms()).get('old')?.length === 2;
  await until(both);

  // A host elsewhere, and two clients of the doomed node that come back: by hand, by itself.
  const keeper = await stage.enter(b, roomId(2), 'host');
  const first = await stage.v2(a);
  const { peerId, resume } = await first.join(roomId(2), 'viewer');
  let port = a.port;
  const line = await stage.proxy(() => port);
  const second = stage.member({
    ...{ url: `ws://127.0.0.1:${line.port}`, room: roomId(2), role: 'viewer' as const },
  });
  await until(() => second.joined && count(keeper, 'member-joined') === 2);
  const secondId = second.peerId;

  port = c.port;
  const killed = performance.now();
  await a.kill();
  await Promise.all([host.closed, one.closed, first.closed]);
  const again = await stage.v2(c);
  expect(await again.join(roomId(2), 'viewer', { resume })).toMatchObject({
    peerId,
    resumed: true,
  });
  await until(() => second.joined && second.resumes === 1);
  expect(second.peerId).toBe(secondId);

  await Promise.all([near.next('member-left'), far.next('member-left')]);
  await two.next('peer-disconnected');
  expect(performance.now() - killed).toBeLessThan(20_000);
  const next = await stage.enter(c, roomId(1), 'host');
  await until(() => count(near, 'member-joined') === 2 && count(far, 'member-joined') === 1);
  const third = await stage.original(c, 'old');
  await until(both);
  third.send({ type: 'control', action: 'here' });
  await two.next('control');

  for (const peer of [near, far]) {
    await peer.settle();
    expect(lefts(peer)).toMatchObject([{ role: 'host', reason: 'lost' }]);
    expect(hosts(peer).size).toBe(1);
    next.send({ type: 'control', action: 'new', to: peer.received[1]?.['peerId'] });
    await peer.next('control');
  }
  expect(count(two, 'peer-disconnected')).toBe(1);
  await keeper.settle();
  expect(lefts(keeper)).toEqual([]);
  for (const viewer of [again.received[1]?.['peerId'], secondId]) {
    keeper.send({ type: 'control', action: 'still', to: viewer });
  }
  expect(await again.next('control')).toMatchObject({ action: 'still' });
  await until(() => second.of('control').length === 1);
}, 60_000);

test('a node that stalls for longer than its lease gives way: one host at a time, no message of another', async () => {
  const env = { REDIS_LEASE_MS: '2000', REDIS_TIMEOUT_MS: '500', HEARTBEAT_TIMEOUT_MS: '60000' };
  const [a, b] = (await stage.nodes(2, env)) as [NodeProcess, NodeProcess];
  const old = await stage.enter(a, roomId(1), 'host');
  const near = await stage.enter(a, roomId(1), 'viewer');
  const far = await stage.enter(b, roomId(1), 'viewer');
  const farId = far.received[1]?.['peerId'];
  const lone = await stage.enter(a, roomId(2), 'host');
  await old.next('member-joined');

  a.pause();
  expect(await far.next('member-left')).toBeDefined();
  await until(() => lefts(far).length === 2);
  const next = await stage.enter(b, roomId(1), 'host');
  await far.next('member-joined');
  // What it hears as soon as it runs again, before it can know.
  old.send({ type: 'control', action: 'of the past', to: farId });
  a.resume();

  await until(() => old.closeCode !== undefined);
  expect(old.closeCode).toBe(1013);
  await expect(stage.enter(a, roomId(1), 'host')).rejects.toThrow('host-slot-taken');

  // The others of the node have their places, and hear the new host.
  await until(async () => (await stage.rooms()).get(roomId(1))?.length === 3);
  await Promise.all([near, far, next, lone].map((peer) => peer.settle()));
  for (const peer of [near, far]) {
    await until(() => hosts(peer).has(next.received[1]?.['peerId']));
    expect(peer.closeCode).toBeUndefined();
    peer.send({ type: 'control', action: 'to the host' });
    await next.next('control');
  }
  expect(far.received).not.toContainEqual(expect.objectContaining({ action: 'of the past' }));
  const guest = await stage.enter(b, roomId(2), 'viewer');
  guest.send({ type: 'control', action: 'hello' });
  await lone.next('control');
}, 60_000);
