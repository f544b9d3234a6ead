import fc from 'fast-check';
import { RoomRegistry, type RegistryOptions } from './room-registry.ts';
import { MAX_BLOCKED, MAX_UNPROVEN, Room, type JoinRequest, type MemberRole } from './room.ts';

const options: RegistryOptions = {
  limits: { originalCapacity: 2, maxMembers: 4 },
  detachMs: 100,
  emptyRoomMs: 1000,
  maxEmptyRooms: 3,
};

let serial = 0;
function request(role: MemberRole, extra: Partial<JoinRequest> = {}): JoinRequest {
  serial += 1;
  return {
    room: 'r',
    kind: role === 'peer' ? 'original' : 'v2',
    role,
    nodeId: 'n',
    connectionId: `c${serial}`,
    peerId: `p${serial}`,
    resume: `t${serial}`,
    origin: `o${serial}`,
    ...extra,
  };
}

function enter(registry: RoomRegistry, role: MemberRole, extra: Partial<JoinRequest> = {}) {
  const decision = registry.join(request(role, extra), 0);
  if (!decision.ok) throw new Error(decision.code);
  return decision.member;
}

test('the host’s place is kept free, and a room of admitted viewers is full', () => {
  const registry = new RoomRegistry(options);
  const viewers = [1, 2, 3].map(() => enter(registry, 'viewer'));
  for (const { peerId } of viewers) registry.admit('r', peerId);
  expect(registry.join(request('viewer'), 0)).toEqual({ ok: false, code: 'room-full' });
  enter(registry, 'host');
  expect(registry.counts().members.connected).toBe(4);
});

test('who has proven nothing gives way, first those of the address that has most', () => {
  const limits = { originalCapacity: 2, maxMembers: 32 };
  const registry = new RoomRegistry({ ...options, limits });
  enter(registry, 'host');
  const from = (origin: string) => enter(registry, 'viewer', { origin }).peerId;
  const early = from('early');
  const admitted = from('flood');
  registry.admit('r', admitted);
  const flood = [...Array(MAX_UNPROVEN - 1).keys()].map(() => from('flood'));
  const owner = from('owner');
  const there = () => [...(registry.get('r')?.members.keys() ?? [])];
  expect(there()).not.toContain(flood[0]);
  // However often the flood comes back, it pushes out its own.
  for (let more = 0; more < 50; more += 1) from('flood');
  expect(there()).toEqual(expect.arrayContaining([early, admitted, owner]));
  expect(there()).toHaveLength(1 + 1 + MAX_UNPROVEN);
  expect(registry.counts().members).toEqual({ connected: 2 + MAX_UNPROVEN, detached: 0 });
});

test('an address whose viewer the host removed stays out for so long, and in this room only', () => {
  const registry = new RoomRegistry(options);
  enter(registry, 'host');
  const { peerId, resume } = enter(registry, 'viewer', { origin: 'bad' });
  expect(registry.kick('r', peerId, { blockMs: 500, now: 100 })?.peerId).toBe(peerId);
  const again = () => request('viewer', { origin: 'bad', resumeFrom: resume });
  expect(registry.join(again(), 599)).toEqual({ ok: false, code: 'kicked' });
  expect(registry.join(request('viewer', { room: 'r2', origin: 'bad' }), 599).ok).toBe(true);
  expect(registry.join(request('viewer', { origin: 'good' }), 599).ok).toBe(true);
  expect(registry.join(again(), 600)).toMatchObject({ ok: true, resumed: false });
});

test('the addresses that a room keeps out are bounded', () => {
  const room = new Room('r', 'v2');
  for (let count = 0; count <= MAX_BLOCKED; count += 1) room.block(`o${count}`, 1000 + count, 0);
  expect(room.blocks('o0', 0)).toBe(false);
  expect(room.blocks('o1', 0)).toBe(true);
  expect(room.blocks(`o${MAX_BLOCKED}`, 0)).toBe(true);
});

test('a detached place counts until its grace is over', () => {
  const registry = new RoomRegistry(options);
  enter(registry, 'host');
  const viewer = enter(registry, 'viewer');
  for (const { peerId } of [viewer, enter(registry, 'viewer'), enter(registry, 'viewer')]) {
    registry.admit('r', peerId);
  }
  registry.detach('r', viewer.peerId, viewer.connectionId, 1000);
  expect(registry.join(request('viewer'), 0)).toEqual({ ok: false, code: 'room-full' });
  expect(registry.nextDeadline()).toBe(1100);
  expect(registry.expire(1099)).toEqual([]);
  expect(registry.expire(1100).map(({ member }) => member.peerId)).toEqual([viewer.peerId]);
  enter(registry, 'viewer');
});

test('a connection that was replaced cannot take the member away', () => {
  const registry = new RoomRegistry(options);
  const old = enter(registry, 'viewer');
  const young = enter(registry, 'viewer', { resumeFrom: old.resume });
  expect(young.peerId).toBe(old.peerId);
  expect(registry.leave('r', old.peerId, old.connectionId, 0)).toBeUndefined();
  expect(registry.detach('r', old.peerId, old.connectionId, 0)).toBeUndefined();
  expect(registry.counts().members).toEqual({ connected: 1, detached: 0 });
});

test('an empty room keeps its host key for a while, and not more rooms than allowed', () => {
  const registry = new RoomRegistry(options);
  for (let room = 0; room < 5; room += 1) {
    const host = enter(registry, 'host', { room: `r${room}`, hostKey: `k${room}` });
    registry.leave(`r${room}`, host.peerId, host.connectionId, room);
  }
  expect(registry.get('r0')).toBeUndefined();
  expect(registry.get('r1')).toBeUndefined();
  expect(registry.join(request('host', { room: 'r4', hostKey: 'other' }), 0).ok).toBe(false);
  expect(registry.join(request('host', { room: 'r0', hostKey: 'other' }), 0).ok).toBe(true);
  registry.expire(1004);
  expect(registry.join(request('host', { room: 'r4', hostKey: 'other' }), 0).ok).toBe(true);
});

test('whatever happens: one host, no place too many, counts that are true, nothing left at the end', () => {
  const room = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({
      do: fc.constant('join' as const),
      room,
      role: fc.constantFrom<MemberRole>('host', 'viewer', 'peer'),
      key: fc.constantFrom(undefined, 'k1', 'k2'),
      resume: fc.nat(20),
      max: fc.constantFrom(undefined, 1, 2),
    }),
    fc.record({ do: fc.constantFrom('leave' as const, 'detach' as const), pick: fc.nat(50) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(150) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const registry = new RoomRegistry(options);
      const seen: { room: string; peerId: string; connectionId: string; resume: string }[] = [];
      let now = 0;
      for (const action of steps) {
        if (action.do === 'wait') registry.expire((now += action.ms));
        else if (action.do === 'join') {
          const resumeFrom = seen[action.resume]?.resume;
          const decision = registry.join(
            request(action.role, {
              room: action.room,
              ...(action.key === undefined ? {} : { hostKey: action.key }),
              ...(action.max === undefined ? {} : { maxViewers: action.max }),
              ...(resumeFrom === undefined ? {} : { resumeFrom }),
            }),
            now,
          );
          if (decision.ok) seen.push({ room: action.room, ...decision.member });
        } else {
          const who = seen[action.pick];
          if (who !== undefined) registry[action.do](who.room, who.peerId, who.connectionId, now);
        }
        check(registry);
      }
      for (const { room: id, peerId, connectionId } of seen) {
        registry.leave(id, peerId, connectionId, now);
      }
      registry.expire(now + 10_000);
      registry.expire(now + 20_000);
      expect(registry.counts()).toEqual({
        rooms: { original: 0, v2: 0 },
        members: { connected: 0, detached: 0 },
      });
      expect(registry.nextDeadline()).toBeUndefined();
      for (const id of ['a', 'b', 'c']) expect(registry.get(id)).toBeUndefined();
    }),
    { numRuns: 500 },
  );

  function check(registry: RoomRegistry): void {
    const rooms = ['a', 'b', 'c'].flatMap((id) => registry.get(id) ?? []);
    const counts = { original: 0, v2: 0, connected: 0, detached: 0 };
    for (const found of rooms) {
      const members = [...found.members.values()];
      const hosts = members.filter(({ role }) => role === 'host');
      expect(hosts.length).toBeLessThanOrEqual(1);
      expect(found.host).toBe(hosts[0]);
      expect(members.length).toBeLessThanOrEqual(found.kind === 'original' ? 2 : 4);
      if (members.length > 0) counts[found.kind] += 1;
      for (const { state } of members) counts[state] += 1;
    }
    const { original, v2, ...members } = counts;
    expect(registry.counts()).toEqual({ rooms: { original, v2 }, members });
  }
});
