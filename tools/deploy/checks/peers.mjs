import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Peer } from '../peer.mjs';
import { until } from '../shell.mjs';
import { installCertificate } from '../site-certificate.mjs';
import { allocate } from '../turn-allocation.mjs';
import {
  address,
  allReady,
  bothServe,
  exchange,
  mint,
  newRoom,
  nodeOf,
  NODES,
  states,
  told,
} from './room.mjs';

const BACK_MS = 30_000;

/** Two peers on two nodes, and what becomes of them when a node goes. */
export async function checkPeers(context) {
  const { table } = context;
  const room = newRoom();
  const open = [];
  try {
    await checkDoor(context, room);
    const pair = {};
    const met = await table.check('two peers on two nodes exchange offer and answer', async () => {
      Object.assign(pair, await meet(context, room, open));
      await exchange(pair, 'first');
      return `host on ${pair.hostNode}, viewer on ${pair.viewerNode}`;
    });
    if (!met) {
      table.skip('what happens when a node goes', 'the peers did not meet');
      return;
    }
    await checkTurn(context, pair.host);
    await table.check('a new certificate is taken without ending a connection', () =>
      newCertificate(context, pair),
    );
    await table.check('docker stop drains a node: no peer is told that the other left', () =>
      drainNode(context, pair),
    );
    await table.check('docker kill of a node: its peer comes back by resume and goes on', () =>
      killNode(context, pair),
    );
    await table.check('a process that dies is started again, and gets its share', () =>
      crashNode(context, open),
    );
    await table.check('Redis restarts empty: both peers stay, and go on', () =>
      restartRedis(context, pair),
    );
    await table.check('a message that breaks the schema is refused, and ends nothing', async () => {
      pair.viewer.send({ type: 'candidate', session: 'no id', candidate: '' });
      const error = await pair.viewer.expect('a refusal', (event, name) => name === 'error');
      assert.equal(error.code, 'invalid-message');
      await exchange(pair, 'after the refusal');
    });
    await table.check('logs are JSON and hold no token', () => readLogs(context));
  } finally {
    for (const peer of open) peer.close();
  }
}

async function checkDoor(context, room) {
  const { table } = context;
  await table.check('without a token nobody gets in', async () => {
    const peer = new Peer({ ...address(context), room, role: 'host' });
    const error = await peer.expect('a refusal', (event, name) => name === 'error');
    peer.close();
    assert.equal(error.code, 'unauthorized');
  });
  await table.check('an address that a client claims is not believed', async () => {
    const claimed = '203.0.113.9';
    const headers = {
      'X-Forwarded-For': claimed,
      'X-Real-IP': claimed,
      Forwarded: `for=${claimed}`,
    };
    const peer = new Peer({ ...address(context), room, role: 'host', headers });
    await peer.expect('a refusal', (event, name) => name === 'error');
    peer.close();
    const lines = (await Promise.all(NODES.map((node) => context.stack.logs(node)))).flat();
    const seen = lines.map((line) => JSON.parse(line).ip).filter((ip) => ip !== undefined);
    assert.ok(seen.length > 0, 'no address is logged');
    assert.ok(!seen.includes(claimed));
    return `seen: ${[...new Set(seen)].join(', ')}`;
  });
  await table.check('a page from elsewhere does not get in', async () => {
    const token = await mint(context, 'viewer');
    const origin = 'https://evil.example';
    const peer = new Peer({ ...address(context), origin, room, role: 'viewer', token });
    const end = await peer.expect('the end', (event, name) => name === 'state' && event.final);
    peer.close();
    assert.equal(end.code, 1008);
  });
}

/** A host, and a viewer on the other node. */
async function meet(context, room, open) {
  const tokens = { host: await mint(context, 'host'), viewer: await mint(context, 'viewer') };
  context.tokens = Object.values(tokens);
  const join = async (role) => {
    const peer = new Peer({ ...address(context), room, role, token: tokens[role] });
    open.push(peer);
    await peer.expect('a welcome', (event, name) => name === 'welcome');
    return { peer, node: await nodeOf(context, peer) };
  };
  const host = await join('host');
  for (let tries = 0; tries < 8; tries += 1) {
    const viewer = await join('viewer');
    if (viewer.node !== host.node) {
      const parts = { host: host.peer, viewer: viewer.peer };
      return { ...parts, hostNode: host.node, viewerNode: viewer.node };
    }
  }
  throw new Error(`eight viewers in a row came to ${host.node}`);
}

async function checkTurn({ table, ports, host: address }, host) {
  const servers = host.since(0).find(({ name }) => name === 'welcome').event.iceServers;
  const server = servers.find(({ urls }) => urls.some((url) => url.startsWith('turn')));
  if (server === undefined) {
    table.skip('coturn takes the credentials of the welcome', 'the service offers no TURN server');
    return;
  }
  await table.check('coturn takes the credentials of the welcome, and no others', async () => {
    assert.ok(server.urls.some((url) => url.includes(`:${ports['turn-port']}`)));
    const at = { host: address, port: ports['turn-port'] };
    const good = await allocate(at, server);
    assert.equal(good.error, 0);
    const forged = await allocate(at, { ...server, credential: 'forged' });
    assert.equal(forged.error, 401);
    return `relayed address ${good.address}`;
  });
}

/** As docs/operations.md says: replace the files, then tell the proxy. */
async function newCertificate(context, pair) {
  const { stack, host, tlsFolder, ca, ports } = context;
  const marks = { host: pair.host.mark, viewer: pair.viewer.mark };
  await installCertificate({ folder: tlsFolder, host });
  ca.splice(0, 1, readFileSync(join(tlsFolder, 'site.pem'))); // of two with one name, OpenSSL sees one
  await stack.docker(['kill', '-s', 'SIGUSR2'], 'haproxy');
  const wanted = new X509Certificate(ca[0]).fingerprint256;
  await until('the proxy shows the new one', async () => {
    const shown = await certificateAt({ host, port: ports['https-port'], ca });
    return shown === wanted;
  });
  await exchange(pair, 'after the reload');
  for (const role of ['host', 'viewer']) assert.deepEqual(states(pair[role], marks[role]), []);
}

function certificateAt(options) {
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** Waits until `peer` is in again, as the member that it was. */
async function comeBack(peer, mark) {
  const isWelcome = (event, name) => name === 'welcome';
  const welcome = await peer.expect('a welcome', isWelcome, { mark, deadlineMs: BACK_MS });
  assert.equal(welcome.resumed, true, 'it came back as somebody else');
}

async function drainNode(context, pair) {
  const { stack } = context;
  const marks = { host: pair.host.mark, viewer: pair.viewer.mark };
  const id = pair.viewer.id;
  const began = performance.now();
  const stopped = stack.docker(['stop'], pair.viewerNode);
  await comeBack(pair.viewer, marks.viewer);
  const back = performance.now() - began;
  assert.equal(pair.viewer.id, id);
  await stopped;
  await exchange(pair, 'after the drain');
  assert.ok(!told(pair.host, marks.host).includes('member-left'), 'the host was told of a leave');
  assert.ok(!told(pair.viewer, marks.viewer).includes('member-left'));
  const { State } = await stack.inspect(pair.viewerNode);
  assert.equal(State.ExitCode, 0, 'the node was killed at the end of its grace');
  await stack.docker(['start'], pair.viewerNode);
  await stack.healthy([pair.viewerNode]);
  await bothServe(context);
  return `back after ${(back / 1000).toFixed(1)} s; host heard ${told(pair.host, marks.host).join(', ')}`;
}

async function killNode(context, pair) {
  const { stack } = context;
  const hostNode = await nodeOf(context, pair.host);
  const marks = { host: pair.host.mark, viewer: pair.viewer.mark };
  const id = pair.host.id;
  const began = performance.now();
  await stack.docker(['kill'], hostNode);
  await comeBack(pair.host, marks.host);
  const back = performance.now() - began;
  assert.equal(pair.host.id, id);
  if ((await nodeOf(context, pair.viewer)) === hostNode) await comeBack(pair.viewer, marks.viewer);
  await exchange(pair, 'after the kill');
  assert.ok(!told(pair.viewer, marks.viewer).includes('member-left'), 'a false leave was told');
  await stack.docker(['start'], hostNode);
  await stack.healthy([hostNode]);
  await bothServe(context);
  return `back after ${(back / 1000).toFixed(1)} s`;
}

/** Kills the process from outside, as a fault would, which the engine answers with a restart. */
async function crashNode(context, open) {
  const { stack } = context;
  const { State, RestartCount } = await stack.inspect('signaling-a');
  assert.ok(State.Pid > 1, 'signaling-a does not run'); // 0 would be this very program's group
  process.kill(State.Pid, 'SIGKILL');
  await until('the engine starts it again', async () => {
    const now = await stack.inspect('signaling-a');
    return now.RestartCount > RestartCount && now.State.Health?.Status === 'healthy';
  });
  await bothServe(context);
  await meet(context, newRoom(), open); // asserts that both nodes get clients
}

async function restartRedis(context, pair) {
  const { stack } = context;
  const marks = { host: pair.host.mark, viewer: pair.viewer.mark };
  await stack.docker(['restart'], 'redis');
  await stack.healthy(['redis']);
  // Between the nodes: what one tells the other goes by Redis again.
  await allReady(context);
  await exchange(pair, 'after the restart of Redis');
  for (const role of ['host', 'viewer']) {
    assert.deepEqual(states(pair[role], marks[role]), [], `the ${role} lost its connection`);
    assert.ok(!told(pair[role], marks[role]).includes('member-left'), 'a false leave was told');
  }
  await bothServe(context);
}

async function readLogs(context) {
  const counts = [];
  for (const service of [...NODES, 'haproxy']) {
    const lines = (await context.stack.logs(service)).filter((line) => !notice(service, line));
    for (const line of lines) {
      const { time, level, msg } = JSON.parse(line);
      assert.ok(time && level && msg, line);
      for (const token of context.tokens) assert.ok(!line.includes(token), `${service}: a token`);
    }
    counts.push(`${service} ${lines.length}`);
  }
  return `lines: ${counts.join(', ')}`;
}

/** HAProxy's own notices at its start and on checks have no format to be chosen. */
function notice(service, line) {
  return service === 'haproxy' && !line.startsWith('{');
}
