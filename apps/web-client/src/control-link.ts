import {
  parseHostControlMessage,
  type AuthResult,
  type HostControlMessage,
  type ViewerControlMessage,
} from '@peerdeck/protocol';

/** The part of an RTCDataChannel that is used. */
export interface TextChannel {
  readonly readyState: string;
  send(text: string): void;
}

/** The part of ViewerAuth that is used. */
export interface TranscriptProof {
  transcriptMac(): string | undefined;
  verifyHostTranscript(mac: string): AuthResult;
}

/** What the host says beyond proof and ping. */
export type HostSays = Exclude<HostControlMessage, { type: 'auth' | 'ping' | 'pong' }>;

const MAX_PINGS_WAITING = 8;

/**
 * The viewer's end of the `control` channel: proves itself first, takes nothing before the host
 * has proved itself, answers pings, and measures the round trip. It owns no timer: `ping()` is
 * called by its owner.
 */
export class ControlLink {
  readonly #channel: TextChannel;
  readonly #proof: TranscriptProof;
  readonly #now: () => number;
  readonly #onReady: () => void;
  readonly #onMessage: (message: HostSays) => void;
  readonly #onUntrusted: () => void;
  readonly #onRoundTrip: (ms: number) => void;
  #state: 'new' | 'proved' | 'trusted' | 'closed' = 'new';
  #heardAt: number;
  #pingId = 0;
  /** Time of each ping that waits for its pong; the oldest is forgotten. */
  readonly #pings = new Map<number, number>();

  /**
   * `onUntrusted`: the host's first message is not its proof; nothing of this link may be used.
   * `now`: monotonic milliseconds.
   */
  constructor(options: {
    readonly channel: TextChannel;
    readonly proof: TranscriptProof;
    readonly now: () => number;
    readonly onReady: () => void;
    readonly onMessage: (message: HostSays) => void;
    readonly onUntrusted: () => void;
    readonly onRoundTrip: (ms: number) => void;
  }) {
    this.#channel = options.channel;
    this.#proof = options.proof;
    this.#now = options.now;
    this.#onReady = options.onReady;
    this.#onMessage = options.onMessage;
    this.#onUntrusted = options.onUntrusted;
    this.#onRoundTrip = options.onRoundTrip;
    this.#heardAt = options.now();
  }

  /** When the host was last heard, on `now`'s clock. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get trusted(): boolean {
    return this.#state === 'trusted';
  }

  /** The channel is open, which it can be only after the answer was verified. */
  opened(): void {
    if (this.#state !== 'new') return;
    const mac = this.#proof.transcriptMac();
    if (mac === undefined) return;
    this.#state = 'proved';
    this.#heardAt = this.#now();
    this.#write({ type: 'auth', mac });
  }

  received(data: unknown): void {
    this.opened();
    if (this.#state === 'closed') return;
    const parsed = parseHostControlMessage(data);
    if (this.#state !== 'trusted') {
      const isProof = parsed.ok && parsed.message.type === 'auth';
      if (!isProof || !this.#proof.verifyHostTranscript(parsed.message.mac).ok) {
        this.#state = 'closed';
        this.#onUntrusted();
        return;
      }
      this.#heardAt = this.#now();
      this.#state = 'trusted';
      this.#onReady();
      return;
    }
    this.#heardAt = this.#now();
    if (!parsed.ok) {
      // A newer host may say what this page does not know; that is no fault.
      const { code, message } = parsed.error;
      if (code !== 'unknown-type') this.#write({ type: 'error', code, message });
      return;
    }
    const { message } = parsed;
    if (message.type === 'ping') this.#write({ type: 'pong', id: message.id, t: message.t });
    else if (message.type === 'pong') this.#ponged(message.id);
    else if (message.type !== 'auth') this.#onMessage(message);
  }

  /** Measures the round trip; `onRoundTrip` has the result. */
  ping(): void {
    if (this.#state !== 'trusted') return;
    this.#pingId += 1;
    const at = this.#now();
    this.#pings.set(this.#pingId, at);
    if (this.#pings.size > MAX_PINGS_WAITING) {
      for (const oldest of this.#pings.keys()) {
        this.#pings.delete(oldest);
        break;
      }
    }
    this.#write({ type: 'ping', id: this.#pingId, t: at });
  }

  /** Does nothing before the host is trusted. */
  send(message: Exclude<ViewerControlMessage, { type: 'auth' }>): void {
    if (this.#state === 'trusted') this.#write(message);
  }

  close(): void {
    this.#state = 'closed';
    this.#pings.clear();
  }

  #ponged(id: number): void {
    const at = this.#pings.get(id);
    if (at === undefined) return;
    this.#pings.delete(id);
    this.#onRoundTrip(this.#now() - at);
  }

  #write(message: ViewerControlMessage): void {
    if (this.#channel.readyState === 'open') this.#channel.send(JSON.stringify(message));
  }
}
