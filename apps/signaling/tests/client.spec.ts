import { SignalingClient, generateHostKey, type SignalingState } from '@peerdeck/protocol';
import { WebSocket } from 'ws';
import { roomId, startService, until, type TestService } from '../src/testing/harness.ts';

/*
 * The service and the project's own client together.
 */

let server: TestService;
const clients: SignalingClient[] = [];
beforeEach(async () => {
  server = await startService();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function client(role: 'host' | 'viewer', extra: object = {}): SignalingClient {
  const created = new SignalingClient({
    url: server.url,
    room: roomId(1),
    role,
    WebSocket,
    random: () => 0,
    ...extra,
  });
  clients.push(created);
  return created;
}

const joined = async (peer: SignalingClient) => {
  peer.connect();
  await until(() => peer.state.state === 'joined');
};

test('host with a key and viewer find each other and exchange offer and answer', async () => {
  const host = client('host', { hostKey: generateHostKey() });
  const viewer = client('viewer');
  const got: string[] = [];
  host.on('message', (message) => {
    if (message.type !== 'offer') return;
    got.push(message.sdp);
    host.send({ type: 'answer', session: message.session, sdp: 'v=1', to: message.from });
  });
  viewer.on('message', (message) => {
    if (message.type === 'answer') got.push(message.sdp);
  });
  await joined(host);
  await joined(viewer);
  expect(viewer.members).toMatchObject([{ role: 'host', state: 'connected' }]);
  viewer.send({ type: 'offer', session: 's', sdp: 'v=0' });
  await until(() => got.length === 2);
  expect(got).toEqual(['v=0', 'v=1']);
});

test('a client whose connection is cut comes back as the same member', async () => {
  const host = client('host');
  const viewer = client('viewer');
  await joined(host);
  await joined(viewer);
  const before = viewer.welcome?.peerId;
  const events: string[] = [];
  host.on('message', (message) => events.push(message.type));
  const welcome = new Promise((resolve) => viewer.on('welcome', resolve));
  for (const socket of server.service.sockets) socket.terminate();
  expect(await welcome).toMatchObject({ peerId: before, resumed: true });
  await until(() => host.state.state === 'joined');
  expect(events).not.toContain('member-left');
});

test('after a restart of the service both are back in a new room', async () => {
  const hostKey = generateHostKey();
  const host = client('host', { hostKey });
  const viewer = client('viewer');
  await joined(host);
  await joined(viewer);
  const states: SignalingState['state'][] = [];
  viewer.on('state', ({ state }) => states.push(state));
  const port = String(server.service.port);
  const events: string[] = [];
  for (const peer of [host, viewer]) peer.on('message', ({ type }) => events.push(type));
  await server.service.drain();
  expect(events).toEqual([]);
  server = await startService({ WS_PORT: port });
  await until(() => viewer.state.state === 'joined' && host.state.state === 'joined');
  await until(() => viewer.members.length === 1 && host.members.length === 1);
  expect(states).toContain('reconnecting');
  expect(states).not.toContain('closed');
});

test('a host slot that is taken is not final for a host', async () => {
  await joined(client('host'));
  const other = client('host');
  other.connect();
  await until(() => other.state.state === 'reconnecting');
  expect(other.state).toMatchObject({ code: 4011, cause: 'taken' });
});
