import { generateHostKey } from '@peerdeck/protocol';
import { makeLinks } from './link.ts';
import { ipcSink, statusLine, TerminalSink, type HostStatus } from './status.ts';

const status: HostStatus = {
  type: 'status',
  state: 'streaming',
  viewers: 1,
  present: [],
  roomCode: 'CODE',
  viewCode: 'V-CODE',
  display: ':1',
  width: 1280,
  height: 720,
  encoder: 'libx264',
  fps: 59.7,
  bitrateBps: 4_120_000,
  problem: '',
};
const identity = { code: '0123-4567-89AB-CDEF', hostKey: generateHostKey() };
const links = makeLinks({ identity, signalingUrl: 'ws://h:1', webUrl: '' });

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const output = { isTTY, columns: 60, write: (text: string) => written.push(text) };
  return { written, sink: new TerminalSink(output) };
}

describe('statusLine', () => {
  it('says what goes on, and a problem before anything else', () => {
    expect(statusLine(status)).toBe('1 viewer · 1280×720 · 60 fps · 4.1 Mbit/s · libx264');
    expect(statusLine({ ...status, viewers: 2 })).toMatch(/^2 viewers/);
    expect(statusLine({ ...status, state: 'waiting' })).toContain('Waiting for a viewer');
    expect(statusLine({ ...status, problem: 'no display' })).toBe('! no display');
  });
});

describe('TerminalSink', () => {
  it('shows links and QR once, then rewrites one line when it changes', () => {
    const { written, sink } = terminal(true);
    sink.ready({ ...status, type: 'ready', ...links, signalingUrl: 'ws://h:1', pid: 1 });
    expect(written.join('')).toContain(links.viewerUrl);
    expect(written.join('')).toMatch(/[█▀▄]{5}/);
    written.length = 0;
    sink.status(status);
    sink.status(status);
    sink.status({ ...status, viewers: 2 });
    expect(written).toHaveLength(2);
    expect(written[0]).toMatch(/^\r\u001b\[2K1 viewer/);
    sink.close();
    expect(written.at(-1)).toBe('\n');
  });

  it('writes plain text, and no status line, where there is no terminal', () => {
    const { written, sink } = terminal(false);
    sink.ready({ ...status, type: 'ready', ...links, signalingUrl: 'ws://h:1', pid: 1 });
    sink.status(status);
    sink.close();
    expect(written.join('')).toContain('Code   0123-4567-89AB-CDEF');
    expect(written.join('')).not.toMatch(/[\r\u001b█]/);
  });
});

describe('ipcSink', () => {
  it('passes messages on', () => {
    const sent: unknown[] = [];
    ipcSink((message) => sent.push(message)).status(status);
    expect(sent).toEqual([status]);
  });
});
