import { parseClientText, type OutgoingRelay } from '@peerdeck/protocol';
import fc from 'fast-check';
import { receivedText } from './relay.ts';

/** What the receiver of the text reads, and whether that is the text that was sent, changed. */
function relay(text: string) {
  const parsed = parseClientText(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  const received = receivedText(
    parsed.exact ? text : undefined,
    parsed.message as OutgoingRelay,
    'server-says',
  );
  return { received, message: JSON.parse(received) as object };
}

const candidate = { type: 'candidate', session: 's1', candidate: 'c "}, \\ é \u2028' };

test.each([
  ['no address', { ...candidate }],
  ['the address last', { ...candidate, to: 'v1' }],
  ['the address second', { type: 'candidate', to: 'v1', session: 's1', candidate: 'c' }],
  ['the address elsewhere', { to: 'v1', ...candidate }],
])('%s: the receiver reads the message, `from` and nothing else', (_name, sent) => {
  const rest: Record<string, unknown> = { ...sent };
  delete rest['to'];
  expect(relay(JSON.stringify(sent)).message).toEqual({ ...rest, from: 'server-says' });
  expect(relay(`\n${JSON.stringify(sent, null, 1)} \n`).message).toEqual({
    ...rest,
    from: 'server-says',
  });
});

test('a text that says nothing more is passed on as it is written', () => {
  const text = '{ "type": "offer", "session": "s1",  "sdp": "v=0\\u000d\\n" }';
  expect(relay(text).received).toBe(
    '{ "type": "offer", "session": "s1",  "sdp": "v=0\\u000d\\n" ,"from":"server-says"}',
  );
});

test.each([
  ['a made up sender', '{"type":"control","action":"a","from":"forged"}'],
  ['a made up sender, spelt otherwise', '{"type":"control","action":"a","fr\\u006fm":"forged"}'],
  ['a key that nobody knows', '{"type":"control","action":"a","more":{"from":"forged"}}'],
  ['an address that is written as another', '{"type":"control","action":"a","to":"v\\u0031"}'],
])('%s: written anew', (_name, text) => {
  expect(relay(text).received).toBe('{"type":"control","action":"a","from":"server-says"}');
});

test.each([
  [
    'an address that stood before',
    '{"type":"control","to":[[[[[[[[[]]]]]]]]],"action":"a","to":"v1"}',
  ],
  [
    'the same, spelt otherwise',
    '{"type":"control","t\\u006f":{"__proto__":1},"action":"a","to":"v1"}',
  ],
])('%s and was not checked does not come to light when the last one is cut', (_name, text) => {
  expect(relay(text).received).toBe('{"type":"control","action":"a","from":"server-says"}');
});

test('a key that nobody knows inside of a message is dropped too', () => {
  const auth = { role: 'view', nonce: 'n'.repeat(22), counter: 1, mac: 'm'.repeat(43) };
  const offer = { type: 'offer', session: 's1', sdp: 'v=0', auth };
  expect(relay(JSON.stringify(offer)).message).toEqual({ ...offer, from: 'server-says' });
  const more = { ...offer, auth: { ...auth, more: 1 } };
  expect(relay(JSON.stringify(more)).message).toEqual({ ...offer, from: 'server-says' });
});

test('any payload arrives as it was, in any order of keys', () => {
  const word = fc.string({ maxLength: 20 });
  const payload = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      word,
      fc.integer(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.record({ to: word, from: tie('value'), type: word }, { requiredKeys: [] }),
    ),
  })).value;
  fc.assert(
    fc.property(payload, fc.boolean(), fc.nat(23), (value, addressed, order) => {
      const members: [string, unknown][] = [
        ['type', 'control'],
        ['action', 'a'],
        ['payload', value],
        ...(addressed ? [['to', 'v1'] as [string, unknown]] : []),
      ];
      for (let turn = 0; turn < order; turn++) members.push(members.shift() ?? ['', 0]);
      const text = JSON.stringify(Object.fromEntries(members));
      const expected = { type: 'control', action: 'a', payload: value, from: 'server-says' };
      expect(relay(text).message).toEqual(JSON.parse(JSON.stringify(expected)));
    }),
    { numRuns: 2000 },
  );
});
