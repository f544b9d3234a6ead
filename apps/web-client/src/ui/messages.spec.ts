import type { SessionInfo } from '@peerdeck/protocol';
import type { Problem, RecoveryStep, ViewerState } from '../viewer-state.ts';
import { overlayText, problemText, watchingText, withReport } from './messages.ts';

const ice = { local: ['mdns'], remote: ['host'], servers: [] } as const;
const problems: readonly Problem[] = [
  { kind: 'wrong-code' },
  { kind: 'wrong-host' },
  { kind: 'room-full' },
  { kind: 'host-full' },
  { kind: 'no-codec' },
  { kind: 'declined' },
  { kind: 'replaced' },
  { kind: 'kicked' },
  { kind: 'unauthorized', detail: '' },
  { kind: 'mixed-content', url: 'ws://signal.example' },
  { kind: 'signaling', url: 'wss://signal.example', detail: '' },
  { kind: 'no-answer' },
  { kind: 'no-path', ice },
  { kind: 'no-webrtc' },
  { kind: 'host-error', detail: '' },
];

describe('problemText', () => {
  it('has a title of its own for each problem, and a way on', () => {
    const texts = problems.map(problemText);
    expect(new Set(texts.map((text) => text.title)).size).toBe(problems.length);
    for (const text of texts) expect(text.actions.length).toBeGreaterThan(0);
  });
  it('says in the words of the server what is wrong with a token, where it has some', () => {
    const detail = 'the token has expired, get a new one (60 s by the clock here)';
    expect(problemText({ kind: 'unauthorized', detail }).detail).toBe(
      `It asks for a token, or for another one than yours: “${detail}”.`,
    );
    expect(problemText({ kind: 'unauthorized', detail: '' }).detail).toMatch(/than yours\.$/);
  });
  it('says what was tried when there is no path, without addresses', () => {
    const text = problemText({ kind: 'no-path', ice });
    expect(text.remedy).toMatch(/STUN and TURN/);
    expect(text.technical).toBe(
      'Tried from here: hidden local address. From the host: local address. Servers asked: none.',
    );
  });
});

describe('withReport', () => {
  const report = { connection: 'c-1', trace: '0af7651916cd43dd8448eb211c80319c' };

  it('names the connection where something is wrong, and only there', () => {
    const fault = withReport(
      problemText({ kind: 'signaling', url: 'wss://x', detail: 'd' }),
      report,
    );
    expect(fault?.technical).toBe(`wss://x · d · connection c-1 · trace ${report.trace}`);
    const unknown = { ...report, connection: undefined };
    expect(withReport(problemText({ kind: 'room-full' }), unknown)?.technical).toBe(
      `trace ${report.trace}`,
    );
    const waiting = overlayText({ name: 'waiting' }, false);
    expect(withReport(waiting, report)).toBe(waiting);
    expect(withReport(undefined, report)).toBeUndefined();
  });
});

describe('overlayText', () => {
  it('is silent when the picture is there', () => {
    const session = { host: 'desk' };
    const state = { name: 'connected', session } as unknown as ViewerState;
    expect(overlayText(state, true)).toBeUndefined();
    expect(overlayText(state, false)?.title).toBe('Waiting for the first picture…');
    expect(overlayText({ name: 'idle' }, false)).toBeUndefined();
  });
  it.each<RecoveryStep>(['restart-ice', 'offer', 'host-lost', 'host-gone', 'signaling', 'pause'])(
    'says what is done about a lost connection: %s',
    (step) => {
      const text = overlayText({ name: 'reconnecting', step }, true);
      expect(text?.title).toBe('Connection lost, reconnecting…');
      expect(text?.detail).toMatch(/\w/);
      expect(text?.actions).toEqual(['retry', 'leave']);
    },
  );
  it('counts down to the next try, or to the end of the grace', () => {
    const state = { name: 'reconnecting', step: 'pause', retryAt: 7 } as const;
    expect(overlayText(state, true)).toMatchObject({ countdownTo: 7 });
    const lost = { name: 'reconnecting', step: 'host-lost', graceEndsAt: 9 } as const;
    expect(overlayText(lost, true)).toMatchObject({ countdownTo: 9, countdownIs: 'grace' });
  });
  it('offers no retry by itself after the end', () => {
    const text = overlayText({ name: 'ended', reason: 'host-closed' }, true);
    expect(text?.title).toBe('The host has ended the session');
    expect(text?.countdownTo).toBeUndefined();
    expect(text?.actions).not.toContain('retry');
  });
});

describe('watchingText', () => {
  const session = (role: 'control' | 'view', control: boolean, noInput?: string) =>
    ({ role, permissions: { control }, noInput }) as unknown as SessionInfo;

  it('says why there is no control, a host without input apart from a taken seat', () => {
    expect(watchingText(session('control', true))).toBeUndefined();
    expect(watchingText(session('control', false))).toContain('another viewer has control');
    expect(watchingText(session('view', false, 'no XTEST'))).toBe('View only');
    const text = watchingText(session('control', false, 'no XTEST'));
    expect(text).toBe('View only: this host takes no input (no XTEST)');
  });
});
