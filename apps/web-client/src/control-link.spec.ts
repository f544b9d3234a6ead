import { HostAuth, NonceCache, ViewerAuth } from '@peerdeck/protocol';
import { ControlLink, type HostSays } from './control-link.ts';

const key = new Uint8Array(32).fill(7);

/** Both sides after a verified exchange, and a link whose channel is an array. */
function setup() {
  const viewer = new ViewerAuth({ session: 's1', role: 'control', key });
  const host = new HostAuth({
    session: 's1',
    keys: { control: key },
    replays: new NonceCache(),
  });
  expect(host.verifyOffer('offer', viewer.makeOffer('offer')).ok).toBe(true);
  expect(viewer.verifyAnswer('answer', host.makeAnswer('answer')).ok).toBe(true);
  const sent: { type: string; mac?: string; id?: number }[] = [];
  const log: string[] = [];
  const messages: HostSays[] = [];
  let now = 1000;
  const link = new ControlLink({
    channel: { readyState: 'open', send: (text) => void sent.push(JSON.parse(text)) },
    proof: viewer,
    now: () => now,
    onReady: () => log.push('ready'),
    onMessage: (message) => messages.push(message),
    onUntrusted: () => log.push('untrusted'),
    onRoundTrip: (ms) => log.push(`rtt ${ms}`),
  });
  const says = (message: object) => {
    link.received(JSON.stringify(message));
  };
  return { viewer, host, link, sent, log, messages, says, advance: (ms: number) => (now += ms) };
}

describe('ControlLink', () => {
  it('proves itself first, and the host takes the proof', () => {
    const { link, sent, host } = setup();
    link.opened();
    link.opened();
    expect(sent).toHaveLength(1);
    expect(sent[0]?.type).toBe('auth');
    expect(host.verifyViewerTranscript(sent[0]?.mac ?? '').ok).toBe(true);
  });

  it('takes nothing before the host has proved itself', () => {
    const { link, says, log, messages } = setup();
    link.opened();
    says({ type: 'ended', reason: 'host-closed' });
    expect(log).toEqual(['untrusted']);
    expect(messages).toEqual([]);
    expect(link.trusted).toBe(false);
  });

  it('refuses a wrong proof, and all that follows', () => {
    const { link, says, log, host, messages } = setup();
    link.opened();
    says({ type: 'auth', mac: 'A'.repeat(43) });
    says({ type: 'auth', mac: host.transcriptMac() });
    says({ type: 'ended', reason: 'host-closed' });
    expect(log).toEqual(['untrusted']);
    expect(messages).toEqual([]);
  });

  it("does not take its own proof, sent back, for the host's", () => {
    const { link, says, log, sent } = setup();
    link.opened();
    says({ type: 'auth', mac: sent[0]?.mac });
    expect(log).toEqual(['untrusted']);
  });

  it('answers pings and measures its own', () => {
    const { link, says, log, host, sent, advance } = setup();
    link.opened();
    link.ping();
    expect(sent).toHaveLength(1);
    says({ type: 'auth', mac: host.transcriptMac() });
    says({ type: 'ping', id: 4, t: 99 });
    expect(sent.at(-1)).toEqual({ type: 'pong', id: 4, t: 99 });
    link.ping();
    const id = sent.at(-1)?.id;
    advance(12);
    says({ type: 'pong', id, t: 0 });
    says({ type: 'pong', id, t: 0 });
    says({ type: 'pong', id: 77, t: 0 });
    expect(log).toEqual(['ready', 'rtt 12']);
  });

  it('reports a later bad message and stays; what a newer host adds is no fault', () => {
    const { link, says, log, host, sent, messages } = setup();
    link.opened();
    says({ type: 'auth', mac: host.transcriptMac() });
    says({ type: 'ended', reason: 'because' });
    expect(sent.at(-1)).toMatchObject({ type: 'error', code: 'invalid-message' });
    const before = sent.length;
    says({ type: 'from-the-future' });
    expect(sent).toHaveLength(before);
    says({ type: 'ended', reason: 'host-closed' });
    expect(messages).toEqual([{ type: 'ended', reason: 'host-closed' }]);
    expect(log).toEqual(['ready']);
  });

  it('knows when the host was last heard', () => {
    const { link, says, host, advance } = setup();
    link.opened();
    says({ type: 'auth', mac: host.transcriptMac() });
    advance(500);
    expect(link.heardAt).toBe(1000);
    says({ type: 'ping', id: 1, t: 1 });
    expect(link.heardAt).toBe(1500);
  });

  it('says nothing after close', () => {
    const { link, says, host, sent, log } = setup();
    link.opened();
    says({ type: 'auth', mac: host.transcriptMac() });
    link.close();
    link.send({ type: 'bye' });
    says({ type: 'ping', id: 1, t: 1 });
    expect(sent.map((message) => message.type)).toEqual(['auth']);
    expect(log).toEqual(['ready']);
  });
});
