import assert from 'node:assert/strict';
import { Peer } from '../peer.mjs';
import { address, bothServe, exchange, mint, newRoom, NODES, told } from './room.mjs';

/** As many as one address may open without waiting for its limit. */
const ROOMS = 10;
const isWelcome = (event, name) => name === 'welcome';

/** A rolling upgrade, as docs/operations.md describes it, below rooms that are in use. */
export async function checkRolling(context) {
  const open = [];
  try {
    await context.table.check(
      `a rolling upgrade of both nodes below ${ROOMS} rooms: nobody hears of a leave`,
      () => roll(context, open),
    );
  } finally {
    for (const peer of open) peer.close();
  }
}

async function roll(context, open) {
  const { stack } = context;
  const pairs = await fill(context, open);
  const marks = new Map(open.map((peer) => [peer, { mark: peer.mark, id: peer.id }]));
  for (const node of NODES) {
    await stack.compose(['up', '-d', '--no-deps', '--no-build', '--force-recreate', node]);
    await stack.healthy([node]);
    await bothServe(context);
  }
  for (const pair of pairs) await exchange(pair, 'after the upgrade');
  const gaps = [];
  for (const [peer, { mark, id }] of marks) {
    assert.ok(!told(peer, mark).includes('member-left'), 'a false leave was told');
    assert.equal(peer.id, id, 'a peer came back as somebody else');
    gaps.push(...gapsOf(peer, mark));
  }
  // Both nodes were replaced, so every peer has moved.
  assert.ok(gaps.length >= open.length, `${gaps.length} moves of ${open.length} peers`);
  const slowest = (Math.max(...gaps) / 1000).toFixed(1);
  return `${open.length} peers, ${gaps.length} moves, the longest ${slowest} s`;
}

async function fill(context, open) {
  const tokens = { host: await mint(context, 'host'), viewer: await mint(context, 'viewer') };
  const pairs = [];
  for (let i = 0; i < ROOMS; i += 1) {
    const room = newRoom();
    const pair = {};
    for (const role of ['host', 'viewer']) {
      const peer = new Peer({ ...address(context), room, role, token: tokens[role] });
      open.push(peer);
      await peer.expect('a welcome', isWelcome);
      pair[role] = peer;
    }
    await exchange(pair, 'before');
    pairs.push(pair);
  }
  return pairs;
}

/** Milliseconds from each loss of the connection to the welcome after it. */
function gapsOf(peer, mark) {
  const gaps = [];
  let lost;
  for (const { name, event, at } of peer.since(mark)) {
    if (name === 'state' && event.state !== 'joined') lost ??= at;
    if (name !== 'welcome') continue;
    assert.equal(event.resumed, true);
    gaps.push(at - (lost ?? at));
    lost = undefined;
  }
  return gaps;
}
