import { generateHostKey } from '@peerdeck/protocol';
import { roomId, until } from '../../src/testing/harness.ts';
import type { Member, MemberOptions } from '../../src/testing/member.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import { Stage } from '../../src/testing/stage.ts';

/*
 * Rooms as hosts and viewers live them: real nodes, a real Redis and the real client, with all
 * on one node and on two.
 */

let stage: Stage;
let nodes: [NodeProcess, NodeProcess];
let rooms = 0;
let room: string;
beforeAll(async () => {
  stage = await Stage.open({ ROOM_MAX_MEMBERS: '3' });
  nodes = (await stage.nodes(2)) as [NodeProcess, NodeProcess];
}, 60_000);
beforeEach(() => {
  rooms += 1;
  room = roomId(rooms);
});
afterAll(() => stage.close());

async function join(
  at: number,
  role: 'host' | 'viewer',
  extra: Partial<MemberOptions> = {},
): Promise<Member> {
  const url = nodes[at]?.url ?? '';
  const member = stage.member({ url, room, role, ...extra });
  await until(() => member.joined);
  return member;
}
const known = (member: Member) => member.client.members.map(({ peerId }) => peerId);
const heard = (member: Member) => member.messages.map(({ type }) => type);

describe.each([
  ['one node', 0, 0],
  ['two nodes', 0, 1],
])('on %s', (_name, here, there) => {
  test('offer, answer and candidates go both ways, whole and in order', async () => {
    const host = await join(here, 'host');
    const viewer = await join(there, 'viewer');
    await until(() => known(host).length === 1);
    const session = 'session-1';
    const sdp = `v=0\r\n${'a=x \u00e9\u{1f600}\r\n'.repeat(500)}`;
    viewer.client.send({ type: 'offer', session, sdp });
    for (let each = 0; each < 20; each += 1) {
      const candidate = `candidate:${each}`;
      viewer.client.send({ type: 'candidate', session, candidate, sdpMid: '0', sdpMLineIndex: 0 });
    }
    await until(() => host.of('candidate').length === 20);
    expect(host.of('offer')).toEqual([{ type: 'offer', session, sdp, from: viewer.peerId }]);
    expect(heard(host).slice(0, 2)).toEqual(['member-joined', 'offer']);
    const to = viewer.peerId;
    host.client.send({ type: 'answer', session, sdp: 'v=0 answer', to });
    for (let each = 0; each < 20; each += 1) {
      const candidate = `candidate:${each}`;
      host.client.send({ type: 'candidate', session, candidate, sdpMid: '0', to });
    }
    await until(() => viewer.of('candidate').length === 20);
    expect(viewer.of('answer')).toMatchObject([{ sdp: 'v=0 answer', from: host.peerId }]);
    for (const member of [host, viewer]) {
      expect(member.of('candidate').map(({ candidate }) => candidate)).toEqual(
        Array.from({ length: 20 }, (_unused, each) => `candidate:${each}`),
      );
      expect(member.errors).toEqual([]);
    }
  });

  test('who leaves has left at once, and comes again as somebody new', async () => {
    const host = await join(here, 'host');
    const viewer = await join(there, 'viewer');
    await until(() => known(host).length === 1);
    const before = viewer.peerId;
    await viewer.client.leave();
    await until(() => host.of('member-left').length === 1);
    expect(host.of('member-left')).toMatchObject([{ peerId: before, reason: 'left' }]);
    const again = await join(there, 'viewer');
    await until(() => known(host).join() === again.peerId);
    expect(again.peerId).not.toBe(before);
    again.client.send({ type: 'control', action: 'hello' });
    await until(() => host.of('control').length === 1);
  });

  test('a host takes its slot over by its key, and nobody else does', async () => {
    const hostKey = generateHostKey();
    const first = await join(here, 'host', { hostKey });
    const viewer = await join(here, 'viewer');
    const thief = stage.member({
      ...{ url: nodes[there]?.url ?? '', room, role: 'host' as const },
      hostKey: generateHostKey(),
    });
    await until(() => thief.client.state.state === 'reconnecting');
    expect(thief.errors).toMatchObject([{ code: 'host-slot-taken' }]);
    const second = await join(there, 'host', { hostKey });
    await until(() => first.client.state.state === 'reconnecting');
    expect(first.client.state).toMatchObject({ code: 4010, cause: 'displaced' });
    for (const out of [thief, first]) out.client.close();
    await until(() => known(viewer).join() === second.peerId);
    expect(heard(viewer)).toEqual(['member-left', 'member-joined']);
    viewer.client.send({ type: 'control', action: 'hello' });
    await until(() => second.of('control').length === 1);
  });

  test('a page that is loaded again keeps its place by its resume token', async () => {
    const host = await join(here, 'host');
    const viewer = await join(here, 'viewer');
    const resume = viewer.client.resumeToken ?? '';
    const { peerId } = viewer;
    await until(() => known(host).length === 1);
    viewer.close();
    await until(() => host.of('member-detached').length === 1);
    const again = await join(there, 'viewer', { resume });
    expect(again.welcomes).toMatchObject([{ peerId, resumed: true }]);
    await until(() => host.of('member-resumed').length === 1);
    host.client.send({ type: 'control', action: 'hello', to: peerId });
    await until(() => again.of('control').length === 1);
    expect(host.of('member-left')).toEqual([]);
  });
});
