import { isNativeError, type Peer } from '@peerdeck/native-capture';
import {
  parseViewerControlMessage,
  type HostAuth,
  type HostControlMessage,
  type ViewerControlMessage,
} from '@peerdeck/protocol';
import type { Log } from './log.ts';
import { messageOf } from './screen.ts';
import type { ViewerBudget } from './viewer-budget.ts';

export interface ControlChannelOptions {
  /** undefined: accepted without proof, because the owner's configuration says so. */
  readonly auth: HostAuth | undefined;
  readonly budget: ViewerBudget;
  readonly log: Log;
  readonly now: () => number;
  /** The viewer has proved itself. Called once. */
  readonly onReady: () => void;
  readonly onMessage: (message: ViewerControlMessage) => void;
  /** Any message, also one that is over the budget, shows that the viewer is there. */
  readonly onAlive: () => void;
  /** The first message was no proof. */
  readonly onUnproven: () => void;
  /** Something was over the budget. */
  readonly onOver: () => void;
  /** It was open and is not any more. */
  readonly onClosed: () => void;
}

/**
 * The host's end of one viewer's `control` channel: the proof each way first, then messages, as
 * many as the viewer's budget allows.
 */
export class ControlChannel {
  readonly #options: ControlChannelOptions;
  #peer: Peer | undefined;
  #open = false;
  #ready = false;
  #shut = false;
  #lastSession = '';

  constructor(options: ControlChannelOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  attach(peer: Peer): void {
    this.#peer = peer;
    peer.on('channel', (channel, state) => {
      if (channel === 'control') this.#setOpen(state === 'open');
    });
    peer.on('text', (channel, text) => {
      if (channel === 'control') this.#receive(text);
    });
  }

  /** Nothing is said or heard any more. */
  shut(): void {
    this.#shut = true;
  }

  /** Dropped while the channel is not open or is full. */
  tell(message: HostControlMessage): void {
    if (!this.#open || this.#shut) return;
    this.#peer?.send('control', JSON.stringify(message)).catch((error: unknown) => {
      if (this.#shut || isNativeError(error, 'PD_ERR_CLOSED')) return;
      if (!this.#options.budget.take('log', this.#options.now())) return;
      this.#options.log.warn({ type: message.type, error: messageOf(error) }, 'message not sent');
    });
  }

  /** As tell, but only if it says something new. */
  tellSession(message: Extract<HostControlMessage, { type: 'session' }>): void {
    const text = JSON.stringify(message);
    if (text === this.#lastSession) return;
    this.#lastSession = text;
    this.tell(message);
  }

  #setOpen(open: boolean): void {
    if (open === this.#open || this.#shut) return;
    this.#open = open;
    if (!open) {
      this.#options.onClosed();
      return;
    }
    const { auth } = this.#options;
    if (auth === undefined) this.#becomeReady();
    const mac = auth?.transcriptMac();
    if (mac !== undefined) this.tell({ type: 'auth', mac });
  }

  #receive(text: string): void {
    if (this.#shut) return;
    const { budget, now, onAlive, onMessage, onOver } = this.#options;
    // The first message may overtake the news that the channel is open.
    this.#setOpen(true);
    const at = now();
    if (this.#ready) onAlive();
    if (!budget.take('message', at) || !budget.take('text', at, text.length)) {
      onOver();
      return;
    }
    const parsed = parseViewerControlMessage(text);
    if (!this.#ready) this.#prove(parsed.ok ? parsed.message : undefined);
    else if (parsed.ok) onMessage(parsed.message);
    else if (parsed.error.code !== 'unknown-type') {
      const { code, message } = parsed.error;
      this.reply({ type: 'error', code, message });
    }
  }

  /** An answer to what the viewer sent. */
  reply(message: HostControlMessage): void {
    if (this.#options.budget.take('reply', this.#options.now())) this.tell(message);
    else this.#options.onOver();
  }

  /** The first message must prove the whole exchange; anything else ends the session. */
  #prove(message: ViewerControlMessage | undefined): void {
    const { auth, log, onUnproven } = this.#options;
    if (message?.type === 'auth' && auth?.verifyViewerTranscript(message.mac).ok === true) {
      this.#becomeReady();
      return;
    }
    log.warn('no valid proof on the control channel');
    this.tell({ type: 'error', code: 'not-authenticated', message: 'the proof is not right' });
    onUnproven();
  }

  #becomeReady(): void {
    if (this.#ready || this.#shut) return;
    this.#ready = true;
    this.#options.onReady();
  }
}
