import assert from 'node:assert/strict';
import { request } from 'node:https';
import { Peer } from '../peer.mjs';
import { ask } from './page.mjs';
import { address, allReady, bothServe, exchange, mint, newRoom, nodeOf, states } from './room.mjs';

/** How long Redis is away: several leases of a node. */
const OUTAGE_MS = 60_000;
const isWelcome = (event, name) => name === 'welcome';
const isError = (event, name) => name === 'error';

/** Redis stands still, and the site does not. */
export async function checkOutage(context) {
  const open = [];
  try {
    await context.table.check(
      'Redis is stopped for 60 s: the page comes, a room on one node goes on, new members join it',
      () => outage(context, open),
    );
  } finally {
    for (const peer of open) peer.close();
  }
}

async function outage(context, open) {
  const { stack } = context;
  const tokens = { host: await mint(context, 'host'), viewer: await mint(context, 'viewer') };
  const enter = (room, role) => {
    const peer = new Peer({ ...address(context), room, role, token: tokens[role] });
    open.push(peer);
    return peer;
  };
  const room = newRoom();
  const pair = await meetOnOneNode(context, { enter, room });
  await exchange(pair, 'before the outage');
  const marks = { host: pair.host.mark, viewer: pair.viewer.mark };
  await stack.docker(['stop', '-t', '1'], 'redis');
  const began = performance.now();
  const passed = () => performance.now() - began;
  const found = { pages: 0, slowest: 0, exchanges: 0, joins: [] };
  try {
    const newcomer = await joinLate(pair, { enter, room, found });
    await refuseNewRoom({ enter });
    while (passed() < OUTAGE_MS) {
      await seePage(context, found);
      await exchange(pair, `after ${Math.round(passed())} ms`);
      await exchange({ host: pair.host, viewer: newcomer }, 'of a newcomer');
      found.exchanges += 2;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    // Once more, long after every lease has ended.
    await joinLate(pair, { enter, room, found });
    for (const role of ['host', 'viewer']) {
      assert.deepEqual(states(pair[role], marks[role]), [], `the ${role} lost its connection`);
    }
  } finally {
    await stack.docker(['start'], 'redis');
  }
  const away = passed();
  await stack.healthy(['redis']);
  await allReady(context);
  await bothServe(context);
  const late = enter(newRoom(), 'host');
  await late.expect('a new room again', isWelcome);
  await exchange(pair, 'after the outage');
  const seconds = (ms) => (ms / 1000).toFixed(1);
  return (
    `${seconds(away)} s without Redis: ${found.pages} pages of ${found.pages}, the slowest ` +
    `${Math.round(found.slowest)} ms; ${found.exchanges} exchanges; two newcomers in after ` +
    `${found.joins.map(seconds).join(' and ')} s; a new room is refused as unavailable`
  );
}

/** Host and viewer of one room on the same node. */
async function meetOnOneNode(context, { enter, room }) {
  const host = enter(room, 'host');
  await host.expect('a welcome', isWelcome);
  const node = await nodeOf(context, host);
  for (let tries = 0; tries < 8; tries += 1) {
    const viewer = enter(room, 'viewer');
    await viewer.expect('a welcome', isWelcome);
    if ((await nodeOf(context, viewer)) === node) return { host, viewer };
    const mark = host.mark;
    viewer.close();
    await host.expect('that it left', ({ type }) => type === 'member-left', { mark });
    // The proxy sends each to the node that has fewer: one more there, and the next comes here.
    await enter(newRoom(), 'host').expect('a welcome', isWelcome);
  }
  throw new Error(`eight viewers in a row did not come to ${node}`);
}

/** A viewer that comes now: the proxy may need a try or two until it is at the right node. */
async function joinLate({ host }, { enter, room, found }) {
  const began = performance.now();
  const viewer = enter(room, 'viewer');
  await viewer.expect('a welcome in the outage', isWelcome);
  found.joins.push(performance.now() - began);
  await exchange({ host, viewer }, 'of somebody who came in the outage');
  return viewer;
}

async function refuseNewRoom({ enter }) {
  const peer = enter(newRoom(), 'host');
  const error = await peer.expect('a refusal', isError);
  peer.close();
  // When to try again is in the message; the client keeps that to itself, and does.
  assert.equal(error.code, 'unavailable');
}

async function seePage({ origin, ca }, found) {
  const began = performance.now();
  const { status, body } = await ask(request, `${origin}/`, { ca });
  assert.equal(status, 200);
  assert.match(body, /<html/i);
  found.pages += 1;
  found.slowest = Math.max(found.slowest, performance.now() - began);
}
