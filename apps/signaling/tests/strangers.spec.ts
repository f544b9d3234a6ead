import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHostKey, signHostSlot, toBase64Url } from '@peerdeck/protocol';
import { ManualClock } from '../src/testing/manual-clock.ts';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import type { Peer } from '../src/testing/peer.ts';

/* What somebody can do to a room of which he knows the id, and no more: any view link says it. */

const ROOM = roomId(1);
const offer = { type: 'offer', session: 's', sdp: 'v=0' };

let server: TestService;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peerdeck-strangers-'));
  server = await startService();
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function member(role: 'host' | 'viewer', more: object = {}): Promise<Peer> {
  const peer = await server.v2();
  await peer.join(ROOM, role, more);
  return peer;
}

/** Whether the connection still answers. */
async function answers(peer: Peer): Promise<boolean> {
  peer.send({ type: 'ping', id: 77 });
  return (await peer.next('pong'))['id'] === 77;
}

async function keyed(key = generateHostKey()) {
  const peer = await server.v2();
  const { challenge } = await peer.next('hello');
  const hostSignature = signHostSlot(String(challenge), ROOM, key);
  const proof = { hostKey: toBase64Url(key.publicKey), hostSignature };
  peer.send({ type: 'join', room: ROOM, role: 'host', ...proof });
  return { peer, key };
}

test('offers and is gone: what its host answers to nobody is no offence, and goes on unanswered', async () => {
  const host = await member('host');
  const stranger = await member('viewer');
  const { peerId } = await host.next('member-joined');
  stranger.send({ type: 'leave' });
  await host.next('member-left');
  for (let count = 0; count < 150; count += 1) {
    host.send({ type: 'reject', to: peerId, session: 's', code: 'unauthorized', message: '' });
  }
  expect(await answers(host)).toBe(true);
  expect(host.types()).not.toContain('error');
});

test.each([
  ['unknown-peer', { type: 'candidate', to: 'nobody', session: 's', candidate: '' }],
  ['to-required', { type: 'candidate', session: 's', candidate: '' }],
])('%s never closes a host, and is not answered for ever', async (code, message) => {
  const host = await member('host');
  for (let count = 0; count < 150; count += 1) host.send(message);
  expect(await answers(host)).toBe(true);
  const errors = host.received.filter(({ type }) => type === 'error');
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.length).toBeLessThan(100);
  expect(errors.every((error) => error['code'] === code)).toBe(true);
});

test('uses the room’s messages up: its host is told, not closed', async () => {
  await server.close();
  server = await startService({ RATE_LIMIT_ROOM_MSGS_PER_10S: '5' });
  const host = await member('host');
  const stranger = await member('viewer');
  const { peerId } = await host.next('member-joined');
  for (let count = 0; count < 10; count += 1) stranger.send(offer);
  for (let count = 0; count < 150; count += 1) {
    host.send({ type: 'control', to: peerId, action: 'a' });
  }
  expect(await answers(host)).toBe(true);
});

test('a viewer without its host is not closed for asking after it', async () => {
  const viewer = await member('viewer');
  for (let count = 0; count < 150; count += 1) viewer.send(offer);
  expect(await answers(viewer)).toBe(true);
});

test('joins with many sockets and says nothing: the owner finds a place, and keeps it', async () => {
  const host = await member('host');
  const strangers: Peer[] = [];
  for (let count = 0; count < 20; count += 1) strangers.push(await member('viewer'));
  const owner = await server.v2();
  const { peerId } = await owner.join(ROOM, 'viewer');
  owner.send(offer);
  await host.next('offer');
  host.send({ type: 'answer', to: peerId, session: 's', sdp: 'v=0' });
  await answers(host);
  for (let count = 0; count < 20; count += 1) strangers.push(await member('viewer'));
  expect(await answers(owner)).toBe(true);
  const { code } = await (strangers[0] as Peer).closed;
  expect(code).toBe(4014);
});

test('would remove others: only the host does', async () => {
  await member('host');
  const stranger = await server.v2();
  const { peerId } = await stranger.join(ROOM, 'viewer');
  stranger.send({ type: 'kick', peerId });
  expect(await stranger.next('error')).toMatchObject({ code: 'not-allowed', fatal: false });
});

test('is removed: its connection, its way back and its address', async () => {
  const host = await member('host');
  const stranger = await server.v2();
  const { peerId, resume } = await stranger.join(ROOM, 'viewer');
  host.send({ type: 'kick', peerId, blockMs: 60_000 });
  expect((await stranger.closed).code).toBe(4016);
  expect(await host.next('member-left')).toMatchObject({ peerId, reason: 'kicked' });
  const again = await server.v2();
  again.send({ type: 'join', room: ROOM, role: 'viewer', resume });
  expect(await again.next('error')).toMatchObject({ code: 'kicked', fatal: true });
  expect((await again.closed).code).toBe(4016);
});

describe('takes the place of a host', () => {
  const restart = async (env: Record<string, string> = {}) => {
    await server.close();
    server = await startService({ HOST_BINDINGS_FILE: join(folder, 'bindings.json'), ...env });
  };

  test('after a restart of the service: the room is the true host’s', async () => {
    await restart();
    const { peer, key } = await keyed();
    await peer.next('welcome');
    await restart();
    expect((await (await keyed()).peer.closed).code).toBe(4011);
    await (await keyed(key)).peer.next('welcome');
    expect(statSync(join(folder, 'bindings.json')).mode & 0o777).toBe(0o600);
  });

  test('but not when the binding has ended', async () => {
    await restart();
    await (await keyed()).peer.next('welcome');
    await server.close();
    const file = join(folder, 'bindings.json');
    const text = readFileSync(file, 'utf8').replace(/"until":[\d.]+/, '"until":1000');
    writeFileSync(file, text);
    server = await startService({ HOST_BINDINGS_FILE: file });
    await (await keyed()).peer.next('welcome');
  });

  test('a file that is something else is named, and not overwritten', async () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, '{"mine": true}');
    await expect(startService({ HOST_BINDINGS_FILE: file })).rejects.toThrow(
      /HOST_BINDINGS_FILE=.*other\.json" is not allowed\. Allowed: a file that this service wrote/,
    );
    expect(readFileSync(file, 'utf8')).toBe('{"mine": true}');
  });
});

test('has a host answer more than any limit: the answers wait, and it stays', async () => {
  await server.close();
  const clock = new ManualClock();
  server = await startService({ RATE_LIMIT_MESSAGES_PER_10S: '2' }, { clock });
  const host = await member('host');
  for (let count = 0; count < 500; count += 1) {
    host.send({ type: 'control', to: 'somebody', action: 'a' });
  }
  // Ten times as long as a viewer would be given.
  await until(() => {
    clock.advance(500);
    return host.closeCode !== undefined || clock.now() > 300_000;
  });
  expect(host.closeCode).toBeUndefined();
  expect(host.received.filter(({ code }) => code === 'rate-limited')).toHaveLength(1);
});
