import { Bystanders } from '../src/testing/bystanders.ts';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';
import { Peer } from '../src/testing/peer.ts';
import { SECRET } from '../src/testing/tokens.ts';

/*
 * Clients that speak the protocol and mean harm: each is told off or closed by the right code, and
 * counted, and two bystanders in a room of their own notice nothing.
 */

let server: TestService;
let bystanders: Bystanders;
const peers: Peer[] = [];

async function start(env: Record<string, string> = {}, pauseMs?: number): Promise<void> {
  server = await startService(env);
  bystanders = await Bystanders.start(server, { pauseMs });
}
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.terminate();
  await bystanders.unharmed();
  await bystanders.stop();
  await server.close();
});

async function v2(): Promise<Peer> {
  const peer = await server.v2();
  peers.push(peer);
  return peer;
}
const room = roomId(1);
const limited = (scope: string) => server.metric(`signaling_rate_limited_total{scope="${scope}"}`);
const refused = (code: string) => server.metric(`signaling_messages_refused_total{code="${code}"}`);

test('10,000 candidates at the limits of the defaults: held to the rate, and the host is spared', async () => {
  await start({ RATE_LIMIT_MESSAGES_PER_10S: '200' }, 150);
  const host = await v2();
  await host.join(room, 'host');
  const viewer = await v2();
  await viewer.join(room, 'viewer');
  for (let count = 0; count < 10_000; count += 1) {
    viewer.send({ type: 'candidate', session: 's', candidate: `c${count}` });
  }
  const candidates = () => host.received.filter(({ type }) => type === 'candidate');
  await until(() => candidates().length > 200);
  // Twenty a second from there on, however many were sent, and in their order.
  expect(candidates().length).toBeLessThan(400);
  const numbers = candidates().map((each) => Number(String(each['candidate']).slice(1)));
  expect(numbers).toEqual(numbers.map((_unused, at) => at));
  expect(viewer.received.at(-1)).toMatchObject({ code: 'rate-limited', fatal: false });
  expect(await limited('connection')).toBeGreaterThan(0);
  // What waits is bounded: the rest stands in the sender's own buffers.
  expect(await server.metric('signaling_unfinished_bytes')).toBeLessThan(1_000_000);
});

test('500 joins in one packet are one join', async () => {
  await start();
  const peer = await v2();
  for (let count = 0; count < 500; count += 1) {
    const role = count % 2 === 0 ? 'host' : 'viewer';
    peer.send({ type: 'join', room: roomId(count + 1), role });
  }
  expect((await peer.closed).code).toBe(4013);
  expect(peer.types().filter((type) => type === 'welcome')).toHaveLength(1);
  expect(await refused('already-joined')).toBeGreaterThan(0);
  await until(async () => (await server.metric('signaling_rooms{kind="v2"}')) === 1);
});

test('messages of nothing but brackets cost their sender the connection', async () => {
  await start();
  const peer = await v2();
  const bomb = '['.repeat(30_000) + ']'.repeat(30_000);
  // Somewhat more than a connection may break the rules; it would be cut off in the middle of megabytes.
  for (let count = 0; count < 55; count += 1) {
    peer.send(`{"type":"control","action":"x","payload":${bomb}}`);
  }
  expect((await peer.closed).code).toBe(4013);
  expect(await refused('malformed')).toBeGreaterThanOrEqual(50);
});

test('an address that is forged in X-Forwarded-For is no new address', async () => {
  await start({ RATE_LIMIT_CONN_PER_10S: '10' });
  const opened = Array.from({ length: 50 }, (_unused, index) => {
    const headers = { 'X-Forwarded-For': `203.0.113.${index}`, Forwarded: `for=192.0.2.${index}` };
    return new Peer(server.url, ['peerdeck.v2'], { headers });
  });
  peers.push(...opened);
  const first = await Promise.all(opened.map((peer) => peer.next()));
  // Ten, and one a second.
  expect(first.filter(({ type }) => type === 'hello').length).toBeLessThan(30);
  expect(await limited('connects')).toBeGreaterThan(20);
});

describe('a resume token', () => {
  const member = async () => {
    const host = await v2();
    await host.join(room, 'host');
    const viewer = await v2();
    const welcome = await viewer.join(room, 'viewer');
    return { host, viewer, resume: String(welcome['resume']), peerId: String(welcome['peerId']) };
  };

  test('that 20 connections show at once makes one member', async () => {
    await start();
    const { host, viewer, resume, peerId } = await member();
    const thieves = await Promise.all(Array.from({ length: 20 }, () => v2()));
    for (const thief of thieves) thief.send({ type: 'join', room, role: 'viewer', resume });
    const welcomes = await Promise.all(thieves.map((thief) => thief.next('welcome')));
    for (const welcome of welcomes) expect(welcome).toMatchObject({ peerId, resumed: true });
    await until(() => thieves.filter(({ closeCode }) => closeCode === 4010).length === 19);
    expect((await viewer.closed).code).toBe(4010);
    await host.settle();
    expect(host.types()).not.toContain('member-left');
    const last = thieves.find(({ closeCode }) => closeCode === undefined);
    last?.send({ type: 'control', action: 'mine' });
    expect(await host.next('control')).toMatchObject({ action: 'mine', from: peerId });
    expect(await server.metric('signaling_resumes_total{result="ok"}')).toBe(20);
  });

  test.each<[string, (resume: string) => object]>([
    ['of another room', (resume) => ({ room: roomId(2), role: 'viewer', resume })],
    ['with its end cut off', (resume) => ({ room, role: 'viewer', resume: resume.slice(0, -1) })],
    ['with more at its end', (resume) => ({ room, role: 'viewer', resume: `${resume}A` })],
    ['in other letters', (resume) => ({ room, role: 'viewer', resume: resume.toUpperCase() })],
    ['that is empty', () => ({ room, role: 'viewer', resume: '' })],
    ['that is a peer id', (resume) => ({ room, role: 'viewer', resume: resume.slice(0, 12) })],
  ])('%s starts afresh', async (_name, join) => {
    await start();
    const { host, viewer, resume, peerId } = await member();
    const thief = await v2();
    thief.send({ type: 'join', ...join(resume) });
    const welcome = await thief.next('welcome');
    expect(welcome).toMatchObject({ resumed: false });
    expect(welcome['peerId']).not.toBe(peerId);
    expect(welcome['resume']).not.toBe(resume);
    await viewer.settle();
    await host.settle();
    expect(host.types()).not.toContain('member-resumed');
  });

  test('of a viewer does not make a host', async () => {
    await start();
    const { host, viewer, resume } = await member();
    const thief = await v2();
    thief.send({ type: 'join', room, role: 'host', resume });
    expect((await thief.closed).code).toBe(4011);
    await host.settle();
    await viewer.settle();
  });

  test('of somebody who was thrown out is worth nothing', async () => {
    await start();
    const { host, viewer, resume, peerId } = await member();
    for (let count = 0; count < 60; count += 1) viewer.send('{');
    expect((await viewer.closed).code).toBe(4013);
    expect(await host.next('member-left')).toMatchObject({ peerId, reason: 'kicked' });
    const again = await v2();
    again.send({ type: 'join', room, role: 'viewer', resume });
    expect(await again.next('welcome')).toMatchObject({ resumed: false });
    expect(await server.metric('signaling_resumes_total{result="gone"}')).toBe(1);
  });
});

test('with ENABLE_AUTH a resume token is no JWT', async () => {
  const open = await startService({ ENABLE_AUTH: 'true', JWT_SECRET: SECRET });
  const thief = await open.v2();
  thief.send({ type: 'join', room, role: 'viewer', resume: 'x', token: 'a.b.c' });
  expect(await thief.next('error')).toMatchObject({ code: 'unauthorized', fatal: true });
  expect((await thief.closed).code).toBe(4001);
  expect(await open.metric('signaling_auth_total{protocol="v2",result="malformed"}')).toBe(1);
  await open.close();
  await start();
});
