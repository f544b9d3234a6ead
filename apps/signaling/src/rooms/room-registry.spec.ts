import fc from 'fast-check';
import { RoomRegistry, type RegistryOptions } from './room-registry.ts';
import type { JoinRequest, MemberRole } from './room.ts';

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
    ...extra,
  };
}

function enter(registry: RoomRegistry, role: MemberRole, extra: Partial<JoinRequest> = {}) {
  const decision = registry.join(request(role, extra));
  if (!decision.ok) throw new Error(decision.code);
  return decision.member;
}

test('the host’s place is kept free, and maxViewers bounds the rest', () => {
  const registry = new RoomRegistry(options);
  for (let count = 0; count < 3; count += 1) enter(registry, 'viewer');
  expect(registry.join(request('viewer'))).toEqual({ ok: false, code: 'room-full' });
  enter(registry, 'host', { maxViewers: 2 });
  expect(registry.counts().members.connected).toBe(4);
});

test('a detached place counts until its grace is over', () => {
  const registry = new RoomRegistry(options);
  enter(registry, 'host', { maxViewers: 1 });
  const viewer = enter(registry, 'viewer');
  registry.detach('r', viewer.peerId, viewer.connectionId, 1000);
  expect(registry.join(request('viewer'))).toEqual({ ok: false, code: 'room-full' });
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
  expect(registry.join(request('host', { room: 'r4', hostKey: 'other' })).ok).toBe(false);
  expect(registry.join(request('host', { room: 'r0', hostKey: 'other' })).ok).toBe(true);
  registry.expire(1004);
  expect(registry.join(request('host', { room: 'r4', hostKey: 'other' })).ok).toBe(true);
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
