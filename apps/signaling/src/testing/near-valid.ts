import fc from 'fast-check';

/*
 * Texts that are almost messages: valid ones with some faults each. Members are kept as JSON
 * text, so that what no object of JavaScript can hold (a key twice, 1e999, an escaped key) is
 * generated too.
 */

interface Member {
  readonly key: string;
  readonly value: string;
}

const json = (value: unknown) => JSON.stringify(value);
const base64url = (length: number) => 'A'.repeat(length);

/** Rooms that the fuzzed clients share, so that they meet. */
export const FUZZ_ROOMS = ['0'.repeat(32), '1'.repeat(32)];

const auth = { role: 'control', nonce: base64url(22), counter: 1, mac: base64url(43) };
const metrics = { queueDepth: 1, overwriteDrops: 0, backpressureSkips: 0, outOfOrder: 0 };

/** One of each kind at least, every optional field in some of them. */
export const VALID_V2: readonly object[] = [
  { type: 'join', room: FUZZ_ROOMS[0], role: 'viewer' },
  { type: 'join', room: FUZZ_ROOMS[0], role: 'host', maxViewers: 3, resume: 'r', token: 't' },
  { type: 'join', room: FUZZ_ROOMS[1], role: 'host', hostKey: base64url(43) },
  { type: 'leave' },
  { type: 'ping', id: 1 },
  { type: 'pong', id: 2 },
  { type: 'offer', session: 's', sdp: 'v=0\r\n', to: 'p', auth },
  {
    type: 'answer',
    session: 's',
    sdp: 'v=0\r\n',
    to: 'p',
    auth: { ...auth, hostKey: base64url(43) },
  },
  { type: 'candidate', session: 's', candidate: 'candidate:1', sdpMid: null, sdpMLineIndex: 0 },
  { type: 'candidate', session: 's', candidate: '', usernameFragment: 'u' },
  { type: 'reject', session: 's', code: 'no', message: 'no', to: 'p' },
  { type: 'control', action: 'a', payload: { a: [1, { b: null }], c: 'x' } },
  { type: 'video-metrics', ...metrics, vpGpuMs: 0.5 },
];

export const VALID_ORIGINAL: readonly object[] = [
  { type: 'offer', sdp: 'v=0\r\n' },
  { type: 'answer', sdp: 'v=0\r\n', extra: true },
  { type: 'candidate', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 },
  { type: 'candidate', candidate: null, sdpMid: null, usernameFragment: 'u' },
  { type: 'control', action: 'a', payload: [1, 'x', { b: {} }] },
  { type: 'video-metrics', ...metrics },
];

/** JSON texts of values that a field does not expect. */
const oddValue = fc.oneof(
  fc.constantFrom(
    ...['null', 'true', '0', '-0', '-1', '1.5', '1e999', '-1e999', '1e-999', '1e20', '"0"', '""'],
    ...['9007199254740993', '4294967296', '0.1e1', '[]', '{}', '[[[[[[[[[[]]]]]]]]]]'],
    ...['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\u202e"', '"\\\\u005f"', '"\u2028"'],
    ...['{"__proto__":{"polluted":1}}', '{"\\u005f_proto__":1}', '{"a":{"constructor":{}}}'],
    ...['{"prototype":[]}', '{"toString":1,"valueOf":2,"hasOwnProperty":3}', '{"length":-1}'],
    ...['"__proto__"', '"constructor"', '"host"', '"viewer"', '"offer"', '"welcome"'],
    ...['undefined', 'NaN', "'x'", '01', '.5', '+1', '0x10', '"\t"', '"\\x41"', '/**/1', '[1,]'],
  ),
  fc.nat(200_000).map((size) => json('x'.repeat(size))),
  fc.nat(40).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.nat(40).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  fc.nat(9000).map((count) => `[${Array<string>(count).fill('0').join(',')}]`),
  fc.string({ unit: 'binary', maxLength: 40 }).map(json),
  fc.jsonValue({ maxDepth: 3 }).map(json),
);
// Long ones are rare: most of the time should go into many cases.
const smallOddValue = fc.oneof(
  { arbitrary: oddValue.filter((text) => text.length < 300), weight: 40 },
  { arbitrary: oddValue, weight: 1 },
);

const oddKey = fc.oneof(
  fc.constantFrom(
    ...['"__proto__"', '"\\u005f_proto__"', '"\\u005F\\u005fproto\\u005f_"', '"constructor"'],
    ...['"prototype"', '"toString"', '"hasOwnProperty"', '"from"', '"to"', '"type"', '"payload"'],
    ...['"token"', '"resume"', '"room"', '"role"', '"sdp"', '""', '"\\ud800"', 'type', '"type '],
  ),
  fc.string({ maxLength: 10 }).map(json),
);

type Fault = (members: Member[]) => void;
const at = (members: Member[], index: number) =>
  members.length === 0 ? -1 : index % members.length;

const fault: fc.Arbitrary<Fault> = fc.oneof(
  // A field dropped, changed, added, written twice, renamed.
  fc.nat(20).map((index): Fault => (members) => {
    members.splice(at(members, index), 1);
  }),
  fc.tuple(fc.nat(20), smallOddValue).map(([index, value]): Fault => (members) => {
    const member = members[at(members, index)];
    if (member !== undefined) members[at(members, index)] = { ...member, value };
  }),
  fc.tuple(oddKey, smallOddValue).map(([key, value]): Fault => (members) => {
    members.push({ key, value });
  }),
  fc.tuple(fc.nat(20), smallOddValue).map(([index, value]): Fault => (members) => {
    const member = members[at(members, index)];
    if (member !== undefined) members.push({ ...member, value });
  }),
  fc.tuple(fc.nat(20), oddKey).map(([index, key]): Fault => (members) => {
    const member = members[at(members, index)];
    if (member !== undefined) members[at(members, index)] = { ...member, key };
  }),
);

/** What happens to the text as a whole. */
const spoil: fc.Arbitrary<(text: string) => string> = fc.oneof(
  { arbitrary: fc.constant((text: string) => text), weight: 12 },
  {
    arbitrary: fc.nat(400).map((length) => (text: string) => text.slice(0, length)),
    weight: 1,
  },
  {
    arbitrary: fc.tuple(fc.nat(400), fc.string({ unit: 'binary', minLength: 1, maxLength: 3 })).map(
      ([index, extra]) =>
        (text: string) =>
          text.slice(0, index) + extra + text.slice(index),
    ),
    weight: 1,
  },
  {
    arbitrary: fc
      .constantFrom('\ufeff', '\0', ' \n\t', '[', '"', '{"type":"ping","id":1}')
      .map((before) => (text: string) => before + text),
    weight: 1,
  },
);

/** A text made of one of the valid messages, with no fault, one, or a few. */
export function nearValid(valid: readonly object[]): fc.Arbitrary<string> {
  const members = valid.map((message) =>
    Object.entries(message).map(([key, value]): Member => ({ key: json(key), value: json(value) })),
  );
  return fc
    .tuple(fc.constantFrom(...members), fc.array(fault, { maxLength: 3 }), spoil)
    .map(([original, faults, change]) => {
      const changed = [...original];
      for (const apply of faults) apply(changed);
      return change(`{${changed.map(({ key, value }) => `${key}:${value}`).join(',')}}`);
    });
}
