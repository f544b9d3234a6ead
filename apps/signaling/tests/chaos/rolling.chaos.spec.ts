import { roomId, until } from '../../src/testing/harness.ts';
import type { Member } from '../../src/testing/member.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import { Stage } from '../../src/testing/stage.ts';

/*
 * Many rooms over two nodes, of which one goes away: with a word (SIGTERM), and without
 * (SIGKILL). The clients are the real ones, behind lines that lead to a node in service.
 */

let stage: Stage;
beforeEach(async () => {
  // Places outlast a busy machine: how long it takes is not what decides here.
  stage = await Stage.open({ REDIS_LEASE_MS: '60000', DETACH_MS: '60000' });
});
afterEach(() => stage.close());

/** What a balancer does that asks /readyz: a line to the first choice, or else to any other. */
class Fronts {
  readonly inService: (NodeProcess | undefined)[];

  constructor(nodes: readonly NodeProcess[]) {
    this.inService = [...nodes];
  }

  async line(first: number): Promise<string> {
    const target = () => (this.inService[first] ?? this.inService.find(Boolean))?.port ?? 1;
    return `ws://127.0.0.1:${(await stage.proxy(target)).port}`;
  }
}

interface Pair {
  readonly room: string;
  readonly host: Member;
  readonly viewer: Member;
}

/** Hosts and viewers in all four combinations of two nodes. */
async function pairs(count: number, urls: readonly [string, string]): Promise<Pair[]> {
  const made: Pair[] = [];
  for (let index = 0; index < count; index += 1) {
    const room = roomId(index);
    const [first, second] = [urls[index % 2] ?? '', urls[Math.floor(index / 2) % 2] ?? ''];
    const host = stage.member({ url: first, room, role: 'host' });
    made.push({ room, host, viewer: stage.member({ url: second, room, role: 'viewer' }) });
    // Not a storm yet: on a busy machine some would not be in within the client's patience.
    if (index % 25 === 24) await placed(everybody(made));
  }
  await placed(everybody(made));
  await exchange(made, 'first');
  return made;
}

/** A question and an answer in every room. */
async function exchange(all: readonly Pair[], word: string): Promise<void> {
  for (const { viewer } of all) viewer.client.send({ type: 'control', action: word });
  const has = (member: Member) => member.of('control').some(({ action }) => action === word);
  await until(() => all.every(({ host }) => has(host)), 30_000);
  for (const { host, viewer } of all) {
    host.client.send({ type: 'control', action: word, to: viewer.peerId });
  }
  await until(() => all.every(({ viewer }) => has(viewer)), 30_000);
}

const everybody = (all: readonly Pair[]) => all.flatMap(({ host, viewer }) => [host, viewer]);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Resolves once all have a place, for the `times`th time. */
async function placed(members: readonly Member[], times = 1): Promise<void> {
  const away = () => members.filter(({ joined, welcomes }) => !joined || welcomes.length < times);
  await until(() => away().length === 0, 60_000).catch(() => {
    const states = away().map(({ states, errors }) => JSON.stringify([states.slice(-6), errors]));
    throw new Error(`${states.length} have no place: ${states.slice(0, 5).join('\n')}`);
  });
}

test('a rolling restart of two nodes with 500 rooms: no room is lost, nobody hears of a leave', async () => {
  const [a, b] = (await stage.nodes(2)) as [NodeProcess, NodeProcess];
  const fronts = new Fronts([a, b]);
  const all = await pairs(500, [await fronts.line(0), await fronts.line(1)]);
  const members = everybody(all);
  const ids = members.map(({ peerId }) => peerId);
  const interruptions: number[] = [];

  for (const [index, node] of [a, b].entries()) {
    const moved = await node.metric('signaling_members{state="connected"}');
    expect(moved).toBe(index === 0 ? 500 : 1000);
    const before = sum(members.map(({ resumes }) => resumes));
    fronts.inService[index] = undefined;
    const stopped = await node.stop();
    expect(stopped.code).toBe(0);
    expect(stopped.ms).toBeLessThan(10_000);
    const next = await stage.node({ WS_PORT: String(node.port) });
    // Those whose connection was to end: they may not have seen that yet.
    const total = () => sum(members.map(({ resumes }) => resumes)) - before;
    await until(() => total() >= moved, 60_000);
    await placed(members);
    expect(total()).toBe(moved);
    fronts.inService[index] = next;
    await exchange(all, `after ${index}`);
    interruptions.push(Math.max(...members.map(({ longestAwayMs }) => longestAwayMs)));
    for (const member of members) member.longestAwayMs = 0;
  }

  expect(members.map(({ peerId }) => peerId)).toEqual(ids);
  expect(sum(members.map((member) => member.of('member-left').length))).toBe(0);
  expect((await stage.rooms()).size).toBe(500);
  const resumes = sum(members.map((member) => member.resumes));
  const longest = interruptions.map((ms) => Math.round(ms)).join(' and ');
  report(`rolling restart: 500 rooms, ${resumes} resumes, longest interruption ${longest} ms`);
}, 180_000);

test('a storm: 1000 clients of a node that died are all back, in their places', async () => {
  const [a, b] = (await stage.nodes(2)) as [NodeProcess, NodeProcess];
  const fronts = new Fronts([a, b]);
  const url = await fronts.line(0);
  const all = await pairs(500, [url, url]);
  const members = everybody(all);
  const ids = members.map(({ peerId }) => peerId);
  fronts.inService[0] = undefined;
  const started = performance.now();
  await a.kill();
  await placed(members, 2);
  const tookMs = performance.now() - started;
  await exchange(all, 'after');
  expect(members.map(({ peerId }) => peerId)).toEqual(ids);
  expect(sum(members.map((member) => member.of('member-left').length))).toBe(0);
  expect(await b.metric('signaling_members{state="connected"}')).toBe(1000);
  report(`storm: ${members.length} clients back within ${Math.round(tookMs)} ms`);
}, 180_000);

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}
