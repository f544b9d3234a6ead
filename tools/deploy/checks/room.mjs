import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { until } from '../shell.mjs';

export const NODES = ['signaling-a', 'signaling-b'];

/** Hex digits are among the letters of a room id. */
export const newRoom = () => randomBytes(16).toString('hex');

/** Where a peer connects. */
export function address({ origin, ca }) {
  return { url: `${origin.replace('https', 'wss')}/`, origin, ca };
}

/** A token made in the container, as docs/operations.md says. */
export async function mint({ stack }, role) {
  const command = ['node', 'apps/signaling/dist/mint-token.js', '--room', '*', '--role', role];
  return (await stack.exec('signaling-a', command)).trim();
}

/** An offer to the host and its answer back, each marked with `text`. */
export async function exchange({ host, viewer }, text) {
  const session = randomBytes(8).toString('hex');
  const sdp = `v=0\r\ns=${text}\r\n`;
  const isOffer = (event) => event.type === 'offer' && event.session === session;
  viewer.send({ type: 'offer', session, sdp });
  const offer = await host.expect(`the offer ${text}`, isOffer);
  assert.equal(offer.sdp, sdp);
  host.send({ type: 'answer', session, sdp, to: offer.from });
  const isAnswer = (event) => event.type === 'answer' && event.session === session;
  assert.equal((await viewer.expect(`the answer ${text}`, isAnswer)).sdp, sdp);
}

/** What a peer heard of its own connection since `mark`. */
export const states = (peer, mark) => peer.since(mark).filter(({ name }) => name === 'state');

/** What it was told by others and of others. */
export const told = (peer, mark) =>
  peer
    .since(mark)
    .filter(({ name }) => name === 'message')
    .map(({ event }) => event.type);

/** Whether the proxy sends new clients to both nodes. */
export async function bothServe({ stack }) {
  await until('the proxy has found both nodes again', async () => {
    const page = await stack.exec('haproxy', [
      'wget',
      '-q',
      '-O',
      '-',
      'http://127.0.0.1:8404/metrics',
    ]);
    const up = /^haproxy_server_status\{proxy="signaling",server="([^"]+)",state="UP"\} 1$/gm;
    return new Set([...page.matchAll(up)].map((match) => match[1])).size === NODES.length;
  });
}

/** The node that let a peer in last, by its log. */
export async function nodeOf({ stack }, peer) {
  return until(`a log line of ${peer.id}`, async () => {
    const joins = [];
    for (const node of NODES) {
      const mine = (await stack.logs(node))
        .map((line) => JSON.parse(line))
        .filter((line) => line.msg === 'joined' && line.peer === peer.id);
      if (mine.length > 0) joins.push({ node, time: mine.at(-1).time });
    }
    return joins.sort((a, b) => a.time.localeCompare(b.time)).at(-1)?.node;
  });
}

const READY = 'fetch("http://127.0.0.1:8080/readyz").then((r) => process.exit(r.ok ? 0 : 1))';

/** Whether every node takes members of every room. */
export async function allReady({ stack }) {
  for (const node of NODES) {
    await until(`${node} is ready again`, async () => {
      await stack.exec(node, ['node', '-e', READY]);
      return true;
    });
  }
}
