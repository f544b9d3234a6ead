import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { roomId, until } from '../../src/testing/harness.ts';
import type { Member, MemberOptions } from '../../src/testing/member.ts';
import type { NodeProcess } from '../../src/testing/node-process.ts';
import { Stage } from '../../src/testing/stage.ts';
import { SECRET } from '../../src/testing/tokens.ts';

/*
 * Tokens from the command that operators use, shown to a real node by the real client.
 */

const MINT = fileURLToPath(new URL('../../src/mint-token.ts', import.meta.url));

let stage: Stage;
let node: NodeProcess;
beforeAll(async () => {
  stage = await Stage.open();
  const auth = { ENABLE_AUTH: 'true', JWT_SECRET: SECRET, JWT_CLOCK_SKEW_S: '0' };
  node = await stage.node({ ...auth, JWT_ISSUER: 'desk' });
}, 60_000);
afterAll(() => stage.close());

/** What `npm run token` runs. */
async function mint(args: string, secret = SECRET): Promise<string> {
  const all = ['--conditions=@peerdeck/source', MINT, ...args.split(' '), '--issuer', 'desk'];
  const env = { PATH: process.env['PATH'], JWT_SECRET: secret };
  const { stdout } = await promisify(execFile)(process.execPath, all, { cwd: tmpdir(), env });
  return stdout.trim();
}
function join(room: string, role: 'host' | 'viewer', extra: Partial<MemberOptions> = {}): Member {
  return stage.member({ url: node.url, room, role, ...extra });
}

test('a token lets in where its rooms and role say, and nowhere else', async () => {
  const [rooms, all, forged] = await Promise.all([
    mint(`--room ${roomId(1)} --role viewer`),
    mint('--room * --role host --role viewer'),
    mint('--room * --role host', SECRET.replace('secret', 'guess!')),
  ]);
  const host = join(roomId(1), 'host', { token: all });
  const viewer = join(roomId(1), 'viewer', { token: rooms });
  await until(() => host.joined && viewer.joined && host.client.members.length === 1);
  viewer.client.send({ type: 'offer', session: 's', sdp: 'v=0' });
  await until(() => host.of('offer').length === 1);

  const refused: [Member, string, number][] = [
    [join(roomId(2), 'viewer', { token: rooms }), 'forbidden', 4003],
    [join(roomId(1), 'viewer', { token: forged }), 'unauthorized', 4001],
    [join(roomId(1), 'viewer', { token: `${rooms}x` }), 'unauthorized', 4001],
    [join(roomId(1), 'viewer'), 'unauthorized', 4001],
  ];
  for (const [member, code, closeCode] of refused) {
    await until(() => member.client.state.state === 'closed');
    expect(member.errors).toMatchObject([{ code, fatal: true }]);
    expect(member.client.state).toMatchObject({ code: closeCode, final: true });
  }
  // A host says so too, but goes on trying: its owner may not be there.
  const poor = join(roomId(1), 'host', { token: rooms });
  await until(() => poor.client.state.state === 'reconnecting');
  expect(poor.errors).toMatchObject([{ code: 'forbidden', fatal: true }]);
  expect(poor.client.state).toMatchObject({ code: 4003, cause: 'refused' });
  poor.client.close();
  expect(host.client.members).toHaveLength(1);
});

test('a token that ends while connected: back in its place with a new one, out without', async () => {
  const long = await mint('--room * --role host --role viewer --ttl 1h');
  const short = await mint('--room * --role viewer --ttl 6s');
  const host = join(roomId(3), 'host', { token: long });
  const tokens = [short, long];
  const renewing = join(roomId(3), 'viewer', { token: () => tokens.shift() });
  const stale = join(roomId(3), 'viewer', { token: short });
  await until(() => host.joined && renewing.joined && stale.joined);
  const { peerId } = renewing;
  await until(() => renewing.resumes === 1 && stale.client.state.state === 'closed');
  expect(renewing.peerId).toBe(peerId);
  expect(stale.errors).toMatchObject([{ code: 'unauthorized', fatal: true }]);
  expect(stale.client.state).toMatchObject({ code: 4001, final: true });
  host.client.send({ type: 'control', action: 'still', to: peerId });
  await until(() => renewing.of('control').length === 1);
});
