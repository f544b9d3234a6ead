import type { SessionInfo } from '@peerdeck/protocol';
import type { SignalingReport } from '../connection-options.ts';
import type { CandidateKind, IceReport } from '../ice-report.ts';
import { explainNoPath } from '../ice-report.ts';
import type { Asked } from './question.ts';
import type { ConnectingStep, Problem, ViewerState } from '../viewer-state.ts';

export type Action = 'retry' | 'again' | 'leave' | 'change-code' | 'enter-token';

/** What the overlay shows of a state. Times are on the connection's clock. */
export interface OverlayText {
  readonly title: string;
  readonly detail?: string;
  readonly remedy?: string;
  /** For technicians, folded away. */
  readonly technical?: string;
  readonly tone: 'busy' | 'calm' | 'bad';
  readonly step?: ConnectingStep;
  readonly countdownTo?: number;
  /** What the countdown is to. */
  readonly countdownIs?: 'try' | 'look' | 'grace';
  readonly actions: readonly Action[];
}

export const STEP_LABELS: readonly (readonly [ConnectingStep, string])[] = [
  ['signaling', 'Reaching the server'],
  ['answer', 'Asking the host'],
  ['path', 'Finding a path'],
  ['proof', 'Checking each other'],
];

export const LEAVE_QUESTION: Asked = {
  title: 'Leave the session?',
  text: 'You went back in the browser. The session is still on.',
  yes: 'Leave',
  no: 'Stay',
};

/** `host`: its name, or empty. */
export function newLinkQuestion(host: string): Asked {
  return {
    title: 'Open the new link?',
    text: `You are connected to ${host === '' ? 'a host' : host}. Opening the link ends that session.`,
    yes: 'Open the link',
    no: 'Stay here',
  };
}

/** `server`: scheme, name and port. */
export function tokenQuestion(server: string): Asked {
  return {
    title: 'Send your token to another server?',
    text: `The link leads to ${server}, which is not where this page comes from. Whoever runs that server can then use the token. Send it only if you know the server.`,
    yes: 'Send the token',
    no: 'Do not send it',
  };
}

/** Why there is no control: the host takes no input, the code gives none, or another has it now. */
export function watchingText(session: SessionInfo): string | undefined {
  if (session.permissions.control && session.role === 'control') return undefined;
  if (session.role === 'view') return 'View only';
  const { noInput } = session;
  if (noInput !== undefined) return `View only: this host takes no input (${noInput})`;
  return 'View only: another viewer has control';
}

/** The same text; where something is wrong, with what the service's logs call this viewer. */
export function withReport(
  text: OverlayText | undefined,
  report: SignalingReport | undefined,
): OverlayText | undefined {
  if (text === undefined || report === undefined) return text;
  if (text.tone !== 'bad' && text.technical === undefined) return text;
  const { connection, trace } = report;
  const names = [
    ...(connection === undefined ? [] : [`connection ${connection}`]),
    `trace ${trace}`,
  ];
  return { ...text, technical: [text.technical, ...names].filter(Boolean).join(' · ') };
}

/** The words for a state; undefined where the picture speaks for itself. */
export function overlayText(state: ViewerState, hasPicture: boolean): OverlayText | undefined {
  switch (state.name) {
    case 'idle':
      return undefined;
    case 'connecting':
      return connecting(state);
    case 'waiting':
      return {
        title: 'Waiting for the host…',
        detail: 'The room is open, and no host is in it yet. The picture starts by itself.',
        remedy:
          'If the host is running, compare its code with yours: each code is a room of its own.',
        tone: 'busy',
        actions: ['change-code'],
      };
    case 'connected':
      if (hasPicture) return undefined;
      return {
        title: 'Waiting for the first picture…',
        detail: `Connected to ${state.session.host === '' ? 'the host' : state.session.host}.`,
        tone: 'busy',
        actions: ['leave'],
      };
    case 'reconnecting':
      return reconnecting(state);
    case 'ended':
      return ended(state.reason);
    case 'error':
      return problemText(state.problem);
  }
}

function connecting(state: Extract<ViewerState, { name: 'connecting' }>): OverlayText {
  const why = state.problem === undefined ? {} : { detail: problemText(state.problem).title };
  return {
    title: 'Connecting…',
    ...why,
    tone: 'busy',
    step: state.step,
    ...(state.retryAt === undefined
      ? {}
      : {
          ...(state.step === 'signaling'
            ? { detail: 'The signaling server does not answer.' }
            : why),
          countdownTo: state.retryAt,
          countdownIs: 'try',
        }),
    actions: state.retryAt === undefined ? ['leave'] : ['retry', 'leave'],
  };
}

function reconnecting(state: Extract<ViewerState, { name: 'reconnecting' }>): OverlayText {
  const base = {
    title: 'Connection lost, reconnecting…',
    tone: 'busy',
    actions: ['retry', 'leave'],
  } as const;
  const next =
    state.retryAt === undefined
      ? {}
      : ({ countdownTo: state.retryAt, countdownIs: 'try' } as const);
  switch (state.step) {
    case 'restart-ice':
      return { ...base, detail: 'Looking for another path to the host.' };
    case 'offer':
      return { ...base, detail: 'Starting a new session with the host.' };
    case 'signaling':
      return { ...base, detail: 'The signaling server does not answer either.', ...next };
    case 'host-lost':
      return {
        ...base,
        detail: 'The host has lost its connection and may come back.',
        ...(state.graceEndsAt === undefined
          ? {}
          : { countdownTo: state.graceEndsAt, countdownIs: 'grace' }),
      };
    case 'host-gone':
      return {
        ...base,
        detail: 'The host is gone. The picture comes back by itself as soon as it returns.',
        ...next,
        ...(state.retryAt === undefined ? {} : { countdownIs: 'look' }),
      };
    case 'pause':
      return {
        ...base,
        detail:
          state.problem === undefined
            ? 'The host does not answer.'
            : problemText(state.problem).title,
        ...next,
        ...(state.problem?.kind === 'no-path' ? { technical: candidates(state.problem.ice) } : {}),
      };
  }
}

function ended(reason: Extract<ViewerState, { name: 'ended' }>['reason']): OverlayText {
  const base = { tone: 'calm', actions: ['again', 'change-code'] } as const;
  switch (reason) {
    case 'host-closed':
      return { ...base, title: 'The host has ended the session' };
    case 'source-ended':
      return {
        ...base,
        title: 'The host has ended the session',
        detail: 'The shared window was closed.',
      };
    case 'kicked':
      return {
        ...base,
        title: 'You were removed from the session',
        detail: 'The host closed your connection.',
        remedy: 'Ask the host for a new code if this was a mistake.',
        actions: ['change-code'],
      };
    case 'replaced':
      return {
        ...base,
        title: 'Another viewer took over',
        detail: 'The host is full, and one with the code to control it came.',
      };
    case 'left':
      return { ...base, title: 'You left the session' };
  }
}

/** Each problem with what the user can do. */
export function problemText(problem: Problem): OverlayText {
  const base = { tone: 'bad', actions: ['again', 'change-code'] } as const;
  switch (problem.kind) {
    case 'wrong-code':
      return {
        ...base,
        title: 'Wrong code, or someone interferes',
        detail: 'The host and this page could not prove to each other that they share the code.',
        remedy:
          'Type the code again as the host shows it now. If it is right, do not trust this network or server.',
        actions: ['change-code', 'again'],
      };
    case 'wrong-host':
      return {
        ...base,
        title: 'This is not the host of your link',
        detail: 'Another computer answered, with a different key.',
        remedy: 'Ask for a new link if the host was set up anew. Otherwise do not connect.',
        actions: ['change-code'],
      };
    case 'room-full':
      return {
        ...base,
        title: 'The room is full',
        detail: 'As many viewers are connected as the host allows.',
        remedy: 'Try again when somebody has left, or ask the host to raise its limit.',
      };
    case 'host-full':
      return {
        ...base,
        title: 'The host is busy',
        detail: 'It serves as many viewers as it will.',
        remedy: 'Try again when somebody has left.',
      };
    case 'no-codec':
      return {
        ...base,
        title: 'This browser can’t show the picture',
        detail: 'The host sends H.264, and this browser does not decode it.',
        remedy: 'Open the link in Chrome, Edge or Safari.',
        actions: ['change-code'],
      };
    case 'declined':
      return { ...base, title: 'The host declined', detail: 'Its owner did not let you in.' };
    case 'replaced':
      return {
        ...base,
        title: 'Opened somewhere else',
        detail: 'A newer connection took the place of this one.',
        remedy: 'Close the other tab or window if you want to go on here.',
      };
    case 'kicked':
      return {
        ...base,
        title: 'You were removed from the room',
        remedy: 'Ask the host for a new code if this was a mistake.',
        actions: ['change-code'],
      };
    case 'unauthorized':
      return {
        ...base,
        title: 'The server does not let you in',
        detail: `It asks for a token, or for another one than yours${said(problem.detail)}.`,
        remedy: 'Whoever runs the server hands them out.',
        actions: ['enter-token', 'change-code'],
      };
    case 'mixed-content':
      return {
        ...base,
        title: 'The server’s address is not secure',
        detail: 'A page opened over https may only use wss://, and the address starts with ws://.',
        remedy: 'Use a wss:// address, or open this page over http.',
        technical: problem.url,
        actions: ['change-code'],
      };
    case 'signaling':
      return {
        ...base,
        title: 'The signaling server refused the connection',
        detail: 'Without it, this page can’t find the host.',
        remedy: 'Check the server’s address under Options.',
        technical: `${problem.url} · ${problem.detail}`,
      };
    case 'no-answer':
      return {
        ...base,
        title: 'The host does not answer',
        remedy: 'Check that it still runs and is not asleep.',
      };
    case 'no-path': {
      const { cause, remedy } = explainNoPath(problem.ice);
      return {
        ...base,
        title: 'No path to the host',
        detail: cause,
        remedy,
        technical: candidates(problem.ice),
      };
    }
    case 'no-webrtc':
      return {
        ...base,
        title: 'This browser has no WebRTC',
        detail: 'It is missing, or switched off by a setting or an extension.',
        remedy: 'Allow WebRTC for this page, or use another browser.',
      };
    case 'host-error':
      return {
        ...base,
        title: 'The session could not be set up',
        remedy: 'Try again; if it stays so, look at the host’s log.',
        technical: problem.detail,
      };
  }
}

const KINDS: Readonly<Record<CandidateKind, string>> = {
  host: 'local address',
  mdns: 'hidden local address',
  srflx: 'public address (STUN)',
  prflx: 'address seen by the other side',
  relay: 'relay (TURN)',
};

function candidates(ice: IceReport): string {
  const list = (kinds: readonly CandidateKind[]) =>
    kinds.length === 0 ? 'none' : kinds.map((kind) => KINDS[kind]).join(', ');
  const servers = ice.servers.length === 0 ? 'none' : ice.servers.join(', ');
  return `Tried from here: ${list(ice.local)}. From the host: ${list(ice.remote)}. Servers asked: ${servers}.`;
}

/** The server's own words, where it has some. */
function said(text: string): string {
  return text === '' ? '' : `: “${text}”`;
}
