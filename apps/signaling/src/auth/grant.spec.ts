import { missingFrom, readGrant, type Grant } from './grant.ts';

function grant(claims: object): Grant {
  const read = readGrant({ ...claims }, 0);
  if (read === undefined) throw new Error('no grant');
  return read;
}

test.each([
  ['no rooms', {}],
  ['rooms as a text', { rooms: '*' }],
  ['rooms as an object', { rooms: { 0: '*', length: 1 } }],
  ['rooms as null', { rooms: null }],
  ['a room that is no text', { rooms: ['a', 1] }],
  ['an empty room', { rooms: [''] }],
  ['a role that is no text', { rooms: ['*'], role: 1 }],
  ['a role among roles that is no text', { rooms: ['*'], role: ['host', null] }],
])('%s grants nothing', (_name, claims) => {
  expect(readGrant({ ...claims }, 0)).toBeUndefined();
});

test.each([
  [['abc'], 'abc', undefined],
  [['abc'], 'abcd', 'room'],
  [['abc'], 'ab', 'room'],
  [['abc'], 'ABC', 'room'],
  [['abc*'], 'abc', undefined],
  [['abc*'], 'abcd', undefined],
  [['abc*'], 'ab', 'room'],
  [['x', 'ab*'], 'abc', undefined],
  [['*'], 'anything', undefined],
  [['*c'], 'abc', 'room'],
  [['a*c'], 'abc', 'room'],
  [['.*'], 'abc', 'room'],
  [[], 'abc', 'room'],
])('%j and room %s: %s', (rooms, room, missing) => {
  expect(missingFrom(grant({ rooms, role: 'host' }), { room, role: 'host' })).toBe(missing);
});

test.each([
  ['host', 'host', undefined],
  ['viewer', 'host', 'role'],
  [['viewer', 'host'], 'host', undefined],
  [['viewer'], 'host', 'role'],
  [[], 'viewer', 'role'],
  [undefined, 'viewer', 'role'],
  ['admin', 'viewer', 'role'],
  ['*', 'viewer', 'role'],
  // A room of the original protocol knows no roles.
  [undefined, undefined, undefined],
] as const)('role %j and role %s: %s', (role, wanted, missing) => {
  const claims = { rooms: ['*'], ...(role === undefined ? {} : { role }) };
  expect(missingFrom(grant(claims), { room: 'r', role: wanted })).toBe(missing);
});
