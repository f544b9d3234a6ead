import { Writable } from 'node:stream';
import { generateHostKey, signHostSlot, toBase64Url } from '@peerdeck/protocol';
import { createLogger, roomTag } from './log.ts';
import { roomId, startService, until } from '../testing/harness.ts';
import { Peer } from '../testing/peer.ts';

function collect(pretty: boolean) {
  const lines: string[] = [];
  const destination = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString());
      done();
    },
  });
  return { lines, log: createLogger({ level: 'info', pretty, nodeId: 'n1', destination }) };
}

test('a line is JSON with time, level, service and node', () => {
  const { lines, log } = collect(false);
  log.info({ connection: 'c1' }, 'joined');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    service: 'signaling',
    node: 'n1',
    connection: 'c1',
    msg: 'joined',
  });
});

test.each([false, true])('secrets are redacted, wherever they stand (pretty: %s)', (pretty) => {
  const { lines, log } = collect(pretty);
  const secrets = {
    token: 'hush',
    sdp: 'hush',
    resume: 'hush',
    authorization: 'hush',
    url: 'hush',
  };
  const fields = {
    ...secrets,
    one: secrets,
    two: { deeper: { ...secrets, credential: 'hush' } },
    list: [[{ payload: { any: 'hush' } }]],
    deep: { a: { b: { c: { d: { e: { f: { token: 'hush' } } } } } } },
    kept: 'seen',
  };
  const before = structuredClone(fields);
  log.info(fields, 'x');
  expect(fields).toEqual(before);
  expect(lines.join('')).toContain('seen');
  expect(lines.join('')).not.toContain('hush');
  expect(lines.join('')).toContain('[redacted]');
});

test('PRETTY_LOGS writes lines for people', () => {
  const { lines, log } = collect(true);
  log.info({ connection: 'c1' }, 'joined');
  expect(lines.join('')).toMatch(/INFO: joined\n\s+connection: "c1"/);
});

test('a whole session leaves no secret in the log', async () => {
  const server = await startService();
  const key = generateHostKey();
  const room = roomId(7);
  const host = await server.v2();
  const { challenge } = await host.next();
  const signature = signHostSlot(String(challenge), room, key);
  const { resume } = await host.join(room, 'host', {
    token: 'the-jwt',
    hostKey: toBase64Url(key.publicKey),
    hostSignature: signature,
  });
  const viewer = await server.v2();
  await viewer.join(room, 'viewer');
  viewer.send({ type: 'offer', session: 's', sdp: 'the-sdp' });
  await host.next('offer');
  viewer.send({ type: 'offer', session: 's', sdp: 5, token: 'the-jwt' });
  await viewer.next('error');
  const old = await Peer.open(`${server.url}/?roomId=the-room&token=the-jwt`, []);
  await until(() => server.log.filter((line) => line.includes('"joined"')).length === 3);
  old.send('{"the-text');
  await old.closed;
  host.socket.terminate();
  await viewer.next('member-detached');
  await server.close();
  const text = server.log.join('');
  const secrets = ['the-jwt', 'the-sdp', 'the-room', 'the-text', room, signature, String(resume)];
  for (const secret of [...secrets, String(challenge)]) expect(text).not.toContain(secret);
  expect(text).toContain(roomTag(room));
});
