import { qrCode } from './link.ts';

export type HostState = 'starting' | 'waiting' | 'streaming' | 'ended';

/** One who is in. */
export interface ViewerStatus {
  /** What a supervisor names to have it removed. */
  readonly session: string;
  readonly role: 'control' | 'view';
  /** Whether it has the controls now. */
  readonly control: boolean;
}

/** What a supervisor gets over IPC (`process.send`), and what the status line shows. */
export interface HostStatus {
  readonly type: 'status';
  readonly state: HostState;
  readonly viewers: number;
  readonly present: readonly ViewerStatus[];
  readonly roomCode: string;
  readonly viewCode: string;
  readonly display: string;
  readonly width: number;
  readonly height: number;
  readonly encoder: string;
  readonly fps: number;
  readonly bitrateBps: number;
  /** A trouble that the owner should know of; '' when there is none. */
  readonly problem: string;
}

/** Before there is anything to tell. */
export const NO_STATUS: HostStatus = {
  ...{
    type: 'status',
    state: 'starting',
    viewers: 0,
    present: [],
    roomCode: '',
    viewCode: '',
    display: '',
  },
  ...{ width: 0, height: 0, encoder: '', fps: 0, bitrateBps: 0, problem: '' },
};

/** When viewers can come; again with a new code. */
export interface HostReady extends Omit<HostStatus, 'type'> {
  readonly type: 'ready';
  readonly viewerUrl: string;
  readonly viewUrl: string;
  readonly signalingUrl: string;
  readonly pid: number;
}

export interface StatusSink {
  ready(message: HostReady): void;
  status(message: HostStatus): void;
  close(): void;
}

/** For a supervisor: each message as it is. */
export function ipcSink(send: (message: HostReady | HostStatus) => void): StatusSink {
  return { ready: send, status: send, close: () => {} };
}

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** For a person: the links and a QR code, then one line that is kept true. */
export class TerminalSink implements StatusSink {
  readonly #output: Output;
  #last = '';

  constructor(output: Output) {
    this.#output = output;
  }

  ready({ viewerUrl, viewUrl, roomCode, viewCode }: HostReady): void {
    const lines = [
      '',
      ...(this.#output.isTTY === true ? [qrCode(viewerUrl), ''] : []),
      `Open   ${viewerUrl}`,
      `Code   ${roomCode}`,
      `Watch  ${viewUrl}`,
      `       ${viewCode}`,
      '',
      '',
    ];
    this.#output.write(lines.join('\n'));
  }

  status(message: HostStatus): void {
    const line = statusLine(message);
    if (line === this.#last) return;
    this.#last = line;
    if (this.#output.isTTY !== true) return;
    const width = Math.max((this.#output.columns ?? 80) - 1, 20);
    this.#output.write(`\r\u001b[2K${line.slice(0, width)}`);
  }

  close(): void {
    if (this.#output.isTTY === true) this.#output.write('\n');
  }
}

export function statusLine(status: HostStatus): string {
  const { state, viewers, width, height, encoder, fps, bitrateBps, problem } = status;
  if (problem !== '') return `! ${problem}`;
  switch (state) {
    case 'starting':
      return 'Connecting to the signaling service…';
    case 'waiting':
      return 'Waiting for a viewer. Ctrl-C ends.';
    case 'ended':
      return 'Ended.';
    case 'streaming':
      return [
        `${viewers} viewer${viewers === 1 ? '' : 's'}`,
        `${width}×${height}`,
        `${Math.round(fps)} fps`,
        `${(bitrateBps / 1e6).toFixed(1)} Mbit/s`,
        encoder,
      ].join(' · ');
  }
}
