import { execFileSync } from 'node:child_process';
import { TurnCredentials } from './turn-credentials.ts';

const secret = 's'.repeat(32);
const urls = ['turn:turn.example?transport=udp', 'turns:turn.example'];
const credentials = new TurnCredentials({ urls, secret });

test('name the end and an id, and carry the HMAC that another program makes of both', () => {
  const made = credentials.make('room', '192.0.2.1', 1_893_456_600);
  expect(made.urls).toEqual(urls);
  expect(made.username).toMatch(/^1893456600:[\w-]{22}$/);
  const hmac = execFileSync('openssl', ['dgst', '-sha1', '-hmac', secret, '-binary'], {
    input: made.username,
  });
  expect(made.credential).toBe(hmac.toString('base64'));
});

test('the id is that of one address in one room, on every node, whenever it asks', () => {
  const id = (room: string, address: string, from = credentials, endsAt = 1) =>
    from.make(room, address, endsAt).username?.split(':')[1];
  const here = id('room', '192.0.2.1');
  expect(id('room', '192.0.2.1', new TurnCredentials({ urls: [], secret }), 2)).toBe(here);
  const others = [
    id('room', '192.0.2.2'),
    id('room2', '192.0.2.1'),
    id('room', '192.0.2.1', new TurnCredentials({ urls, secret: 'x'.repeat(32) })),
  ];
  expect(new Set([here, ...others]).size).toBe(4);
});
