import { createLogger } from '../../base/log.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { Trouble } from './trouble.ts';

const lines: string[] = [];
const clock = new ManualClock();
let trouble: Trouble;
beforeEach(() => {
  lines.length = 0;
  const destination = { write: (line: string) => void lines.push(line) };
  trouble = new Trouble(
    clock,
    createLogger({ level: 'info', pretty: false, nodeId: 'n', destination }),
  );
});

test.each([
  ['WRONGPASS invalid username-password pair', 'user or password of REDIS_URL'],
  ['NOAUTH Authentication required.', 'put it into REDIS_URL'],
  ["NOPERM User x has no permissions to run the 'set' command", 'lacks a permission'],
  ['self-signed certificate', 'NODE_EXTRA_CA_CERTS'],
  ['unable to verify the first certificate', 'NODE_EXTRA_CA_CERTS'],
  ["Hostname/IP does not match certificate's altnames", 'a name that is in it'],
  ['SSL routines:ssl3_get_record:wrong version number', 'redis:// instead of rediss://'],
  ['connect ECONNREFUSED 127.0.0.1:6379', 'ECONNREFUSED'],
])('%s: says what to do', (text, remedy) => {
  trouble.note(new Error(text));
  expect(trouble.last).toContain(remedy);
  expect(trouble.last).toContain(text);
});

test('a reason is written once a minute, and another one at once', () => {
  for (let count = 0; count < 100; count += 1) {
    trouble.note(new Error('read ECONNRESET'));
    trouble.note(new Error('write ECONNRESET'));
    clock.advance(500);
  }
  expect(lines).toHaveLength(2);
  clock.advance(10_000);
  trouble.note(new Error('read ECONNRESET'));
  expect(lines).toHaveLength(3);
});

test('what only follows from a cause does not hide it', () => {
  trouble.note(new Error('WRONGPASS no'));
  for (const text of ['the breaker is open', "Stream isn't writeable and enableOfflineQueue"]) {
    trouble.note(new Error(text));
  }
  expect(trouble.last).toContain('WRONGPASS');
  expect(lines).toHaveLength(1);
});
